"""Puts what stands at the root of the repository into the wheel: the scripts and the configs that `ecgae` runs."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SHIPPED = ("conf", "sweeps", "train.py", "encode.py", "gwas.py")


class Shipped(BuildHookInterface):
    """An editable installation needs no copies: `ecgae.shipped` finds the clone."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable":
            build_data["force_include"] |= {name: f"ecgae/shipped/{name}" for name in SHIPPED}
