"""What checks every annotation of `ecgae` while testing: shapes and types, an int being a float too
(PEP 484)."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
