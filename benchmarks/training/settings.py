"""One training step on the CPU under several settings, each in a process of its own."""

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[2])]

KEPT = 2**31 - 1, 2**30
"""Bytes; what ecgae.entry.build.start keeps."""

WARM_UP = 3
"""Steps that are not timed; with compilation they take a minute."""


@dataclass(frozen=True)
class Setting:
    """How a step runs; the first one is eager PyTorch as it comes."""

    keep_memory: bool = False
    """What a step frees is kept for the next one, instead of going back to the kernel."""
    folded: bool = False
    """Upsampling is part of the convolution after it, as in ecgae.models.architecture."""
    threads: int | None = None
    bf16: bool = False
    compile: bool = False

    @property
    def name(self) -> str:
        parts = [
            *(
                []
                if self.keep_memory or self.folded or self.bf16 or self.compile
                else ["eager float32"]
            ),
            *(["memory kept"] if self.keep_memory else []),
            *(["folded upsampling"] if self.folded else []),
            *([f"{self.threads} thread"] if self.threads else []),
            *(["bf16"] if self.bf16 else []),
            *(["compiled"] if self.compile else []),
        ]
        return ", ".join(parts)


SETTINGS = (
    Setting(),
    Setting(folded=True),
    Setting(keep_memory=True),
    Setting(keep_memory=True, folded=True),
    Setting(keep_memory=True, folded=True, threads=1),
)
SLOW = (
    Setting(keep_memory=True, folded=True, compile=True),
    Setting(keep_memory=True, folded=True, bf16=True),
)
"""Take minutes, and do not pay."""


def layer_by_layer(model: Any) -> None:
    """Replaces every folded convolution by the upsampling and the convolution that it stands
    for."""
    from torch import nn

    from ecgae.models.architecture._layers import Conv, UpsampledConv

    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, UpsampledConv):
                folded = child.conv
                conv = Conv(folded.in_channels, folded.out_channels, folded.kernel_size[0])
                conv.conv.load_state_dict(folded.state_dict())
                setattr(module, name, nn.Sequential(nn.Upsample(scale_factor=2), conv))


def step_times(case_name: str, setting: Setting, steps: int) -> dict[str, float]:
    """Median seconds of a step, wall and CPU, and the loss of the third; to be called in a fresh
    process."""
    if setting.keep_memory:
        from ecgae.machine.processes import keep_freed_memory

        keep_freed_memory(*KEPT)
    import torch
    from cases import case, recordings

    if setting.threads:
        torch.set_num_threads(setting.threads)
    wanted = case(case_name)
    size = wanted.config.trainer.batch_size
    model, objective = wanted.model(), wanted.objective()
    if not setting.folded:
        layer_by_layer(model)
    torch.manual_seed(0)  # dropout is the same whatever was built before
    signals = wanted.view.signals(next(recordings(size, wanted.samples)))[:size]
    ecg = torch.from_numpy(signals.copy())
    adam = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def loss() -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=setting.bf16):
            return objective(model, ecg)["loss"]

    computed = torch.compile(loss, dynamic=False) if setting.compile else loss
    wall, cpu, last = [], [], torch.zeros(())
    for number in range(WARM_UP + steps):
        start = time.perf_counter(), time.process_time()
        adam.zero_grad()
        value = computed()
        value.backward()
        adam.step()
        wall.append(time.perf_counter() - start[0])
        cpu.append(time.process_time() - start[1])
        last = value.detach() if number == WARM_UP - 1 else last
    return {
        "samples_per_second": size / statistics.median(wall[WARM_UP:]),
        "cpu_seconds": statistics.median(cpu[WARM_UP:]),
        "warm_up_seconds": sum(wall[:WARM_UP]),
        "loss": float(last),
    }


def in_process(case_name: str, setting: Setting, steps: int) -> dict[str, float]:
    words = [
        sys.executable,
        __file__,
        case_name,
        json.dumps(dataclasses.asdict(setting)),
        str(steps),
    ]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{case_name}, {setting.name} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(
    case_name: str, steps: int, turns: int, settings: tuple[Setting, ...]
) -> list[dict[str, Any]]:
    """By turns; a ratio is the median over the turns of the setting over the first one of the same
    turn."""
    found = [[in_process(case_name, setting, steps) for setting in settings] for _ in range(turns)]
    rows = []
    for place, setting in enumerate(settings):
        own = [(turn[0], turn[place]) for turn in found]
        rows.append(
            {
                "case": case_name,
                "setting": setting.name,
                "samples_per_second": statistics.median(
                    now["samples_per_second"] for _, now in own
                ),
                "ratio": statistics.median(
                    now["samples_per_second"] / base["samples_per_second"] for base, now in own
                ),
                "ratio_cpu": statistics.median(
                    base["cpu_seconds"] / now["cpu_seconds"] for base, now in own
                ),
                "warm_up_seconds": statistics.median(now["warm_up_seconds"] for _, now in own),
                "loss": own[-1][1]["loss"],
            }
        )
    return rows


if __name__ == "__main__":
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")  # as the entry points set it
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case")
    parser.add_argument("setting", type=json.loads)
    parser.add_argument("steps", type=int)
    wanted = parser.parse_args()
    print(json.dumps(step_times(wanted.case, Setting(**wanted.setting), wanted.steps)))
