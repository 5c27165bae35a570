"""hyperstudy, under one name from any directory: `models`, `study` and `reports` are its parts.

Their folders lie beside this one. Imported as `hyperstudy.models` and so on, they cannot be taken for folders of the
same names in a user's own project.
"""

from pathlib import Path

__path__.append(str(Path(__file__).parent.parent))
