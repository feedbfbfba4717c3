from pathlib import Path

import pytest

import size_budget


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    body = "".join(f"def f{i}() -> None:\n    return\n" for i in range(20))
    (tmp_path / "src" / "small.py").write_text(body)
    return tmp_path


def test_a_small_tree_passes(tree: Path) -> None:
    assert size_budget.complaints(tree, {}) == []


def test_a_long_file_is_named(tree: Path) -> None:
    (tree / "src" / "long.py").write_text("x = 1\n" * 501)
    assert "src/long.py has 501 lines, 500 at most" in size_budget.complaints(tree, {})


def test_a_long_function_is_named_even_when_a_short_one_has_its_name(tree: Path) -> None:
    long = "def f() -> None:\n" + "    print()\n" * 80
    (tree / "src" / "a.py").write_text(long + "class C:\n    def f(self) -> None:\n        return\n")
    assert size_budget.complaints(tree, {}) == ["src/a.py::f has 81 lines, 80 at most"]


def test_an_exemption_counts_only_while_it_is_needed(tree: Path) -> None:
    (tree / "src" / "long.py").write_text("x = 1\n" * 501)
    exempt = {"src/long.py": "generated", "src/small.py": "once was long"}
    found = size_budget.complaints(tree, exempt)
    assert "src/small.py is exempt and need not be" in found
    assert not [sentence for sentence in found if "long.py" in sentence]


def test_long_functions_on_the_whole_are_named(tree: Path) -> None:
    (tree / "src" / "a.py").write_text("".join(f"def g{i}() -> None:\n" + "    print()\n" * 50 for i in range(9)))
    assert "one function in ten has more than 51 lines, 45 at most" in size_budget.complaints(tree, {})
