"""Where `conf/`, `sweeps/` and the three scripts lie: the root of a clone, or the copy that a wheel
carries."""

from pathlib import Path

PACKAGE = Path(__file__).parent

ROOT = PACKAGE / "shipped" if (PACKAGE / "shipped").is_dir() else PACKAGE.parent

CONF = ROOT / "conf"
