"""Sessions on nova's databases: the only code that uses SQLAlchemy and PyMySQL, and late."""

from stackmend.adapters.database.change import Change
from stackmend.adapters.database.client import Databases

__all__ = ["Change", "Databases"]
