"""Copy an instance's files, and the files that they rest on, to where no nova looks for them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any, Unpack

from stackmend.actions.base import Action, Context
from stackmend.actions.salvage_files import PROGRAM, Load, ensure
from stackmend.actions.steps import Place as PlanPlace
from stackmend.actions.steps import on_node
from stackmend.adapters.world import World
from stackmend.domain.instance_files import SALVAGE
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.salvage import Copied, Place
from stackmend.errors import Code, Failed
from stackmend.facts import salvage_node

_STAGE = r"""set -e
cd -- {path}
mkdir -p -m 700 {root} {staging}
cat >{staging}/{program}.new
mv {staging}/{program}.new {staging}/{program}"""

_CLEAR = r"""cd -- {path} || exit
rm -rf -- {staging}
rmdir --ignore-fail-on-non-empty {root} 2>/dev/null
true"""

_LINK = r"""cd -- {path} || exit
[ -d _base ] || {{ mkdir -m 755 _base && chown --reference=. _base; }} || exit
[ -e {placed} ] || ln -T -- {staged} {placed}
sync -f ."""


def staging_of(target: Place, run: str) -> Place:
    """Return where the copies of a run are until they are put in place."""
    return Place(target.node, f"{target.path}/{SALVAGE}/{run}")


class StageSalvage(Action):
    """Make the directory that a run's copies go to. Its undo removes them. Parameters and change: node, path."""

    name = "salvage.stage"

    @classmethod
    def step(cls, target: Place, **place: Unpack[PlanPlace]) -> Step:
        """Return the step."""
        title = f"Make a place for copies in {target}, where nova looks for none"
        command = f"mkdir -p {shlex.quote(target.path)}/{SALVAGE}/RUN"
        return on_node(cls.name, title, dict(target.to_json()), (command,), **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:  # noqa: ARG002
        """Decide nothing."""
        return Do(params, f"copies go to {staging_of(Place.from_json(params), context.run_id)}")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Make it, with the program that writes there."""
        target = Place.from_json(change)
        script = _STAGE.format(**_names(target, context.run_id))
        world.ssh.run(target.node, script, stdin=salvage_node.program())
        return Receipt(f"{staging_of(target, context.run_id)} is there")

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:
        """Remove it, with all that was copied there."""
        return clear(world, Place.from_json(change), context)


class ClearStaging(Action):
    """Remove the directory of a run's copies at its end. Parameters and change: node, path."""

    name = "salvage.clear"

    @classmethod
    def step(cls, target: Place, **place: Unpack[PlanPlace]) -> Step:
        """Return the step."""
        command = f"rm -rf {shlex.quote(target.path)}/{SALVAGE}/RUN"
        return on_node(
            cls.name,
            f"Remove what is left there of the copying on {target.node}",
            dict(target.to_json()),
            (command,),
            **place,
        )

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:  # noqa: ARG002
        """Decide nothing."""
        return Do(params, "what was put in place is there no more")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Remove it."""
        return Receipt(clear(world, Place.from_json(change), context))


def clear(world: World, target: Place, context: Context) -> str:
    """Remove the directory of a run's copies; return a sentence."""
    world.ssh.run(target.node, _CLEAR.format(**_names(target, context.run_id)), timeout=300)
    return f"{staging_of(target, context.run_id)} is gone"


def _names(target: Place, run: str) -> dict[str, str]:
    return {"path": shlex.quote(target.path), "root": SALVAGE, "staging": f"{SALVAGE}/{run}", "program": PROGRAM}


class CopyFiles(Action):
    """Copy files to a run's staging, and compare checksums.

    Parameters: node (target's), name, source, target, files, rate. Change: the same; a retry looks at the source again,
    as it may have been mended meanwhile. Receipt: whole (checksum and seal of each file).
    """

    name = "salvage.copy"

    @classmethod
    def step(
        cls, name: str, source: Place, target: Place, files: Iterable[Copied], rate: int, **place: Unpack[PlanPlace]
    ) -> Step:
        """Return the step that copies files of a directory of instances; ``name`` says whose, for people."""
        listed = list(files)
        params: dict[str, Any] = {
            "node": target.node,
            "name": name,
            "source": source.to_json(),
            "target": target.to_json(),
            "files": [file.to_json() for file in listed],
            "rate": rate,
        }
        size = sum(file.data for file in listed) / (1 << 20)
        title = f"Copy {name} from {source} to {target.node}, {size:.1f} MiB, and compare checksums"
        commands = (f"rsync -aS {source.path}/{listed[0].path} {target.node}:{target.path}/{SALVAGE}/RUN/", "sha256sum")
        return on_node(cls.name, title, params, commands, **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Take what the plan says of the files; a retry says of them what they are now."""
        if context.former_change is None:
            return Do(params, f"{len(params['files'])} files and directories of {params['name']}")
        source, former = Place.from_json(params["source"]), [Copied.from_json(f) for f in params["files"]]
        top = sorted({file.path.partition("/")[0] for file in former})
        now = {file.path: file for file in salvage_node.tree(world, source, top)} if top != ["_base"] else {}
        if {f.path for f in former} != set(now):
            return Do(params, "trying again")
        return Do({**params, "files": [now[f.path].to_json() for f in former]}, "trying again, as the source is now")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Copy what is missing, and compare."""
        load = load_of(change, context.run_id)
        whole = ensure(world, load, context, {})
        sums = ", ".join(f"{path.rpartition('/')[2]} {one['sha256'][:12]}…" for path, one in whole.items())
        size = sum(file.size for file in load.files)
        sentence = f"{load.name} is copied: {len(whole)} files of {size} bytes, SHA-256 equal on both nodes ({sums})"
        return Receipt(sentence, {"whole": whole, "files": [f.to_json() for f in load.files]})

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Leave it to the step that made the place."""
        return f"the copy of {change['name']} goes with the place that was made for it"


class CopyBase(CopyFiles):
    """Copy a file of ``_base`` to the target's ``_base``, or see that it has the same.

    A file of that name and other contents stays as it is, and nothing that rests on it is brought up. Parameters and
    change as of ``salvage.copy``.
    """

    name = "salvage.copy-base"

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Copy it, and give it its name where that is free."""
        load = load_of(change, context.run_id, times=False)
        target, path = Place.from_json(change["target"]), load.files[0].path
        if not salvage_node.seals(world, target, [path])[path]:
            ensure(world, load, context, {})
            staged = f"{SALVAGE}/{context.run_id}/{path}"
            names = {"path": shlex.quote(target.path), "staged": shlex.quote(staged), "placed": shlex.quote(path)}
            world.ssh.run(target.node, _LINK.format(**names))
        context.progress(f"comparing {path} on both nodes")
        sums = [salvage_node.checksum(world, place, path) for place in (target, load.source)]
        if sums[0] != sums[1]:
            raise Failed(
                Code.COPY_DIFFERS,
                f"{target} has another {path}: SHA-256 {sums[0]}, not {sums[1]} as {load.source} has it",
                hint="instances on either node rest on theirs; bring what rests on this one up on another node",
                evidence={"host": target.node, "file": path},
            )
        return Receipt(f"{target} has {path}, SHA-256 {sums[0]}, as {load.source}")

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Leave it: nova's image cache removes what nobody uses."""
        return f"{change['files'][0]['path']} stays on {change['node']}, until nova's image cache finds it unused"


def load_of(change: Mapping[str, Any], run: str, *, times: bool = True) -> Load:
    """Return what a change of ``salvage.copy`` copies."""
    target = Place.from_json(change["target"])
    return Load(
        name=change["name"],
        source=Place.from_json(change["source"]),
        target=staging_of(target, run),
        root=target.path,
        files=tuple(Copied.from_json(file) for file in change["files"]),
        rate=change["rate"],
        times=times,
    )
