"""Faults that a person at the keyboard can mend: one clear line on stderr and exit status 2.

    Fault
    ├── LogError       a log that cannot be read (logs.py)
    └── OutputError    an output folder that cannot be used (outputs.py)

A bad rulebook, policy or argument is a plain Fault. What is not a Fault is a bug and keeps its
traceback.
"""


class Fault(Exception):
    """What is wrong, in one clear line that names the file, and where it can the line and field."""
