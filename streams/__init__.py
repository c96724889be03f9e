"""The half of lendwatch with effects: logs, files, the command line, time and people."""

__version__ = "0.1.0"
