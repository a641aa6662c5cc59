"""Drills: questions with hints and worked solutions, whose answers are computed, never typed.

>>> from einlab import drills
>>> drill = drills.find("order-left")
>>> drills.check(drill, "22 million").right
True
"""

from einlab.drills.answers import Verdict, check
from einlab.drills.records import Drill, Kind
from einlab.drills.texts import PAGES, all_drills, find, of_page

__all__ = ["PAGES", "Drill", "Kind", "Verdict", "all_drills", "check", "find", "of_page"]
