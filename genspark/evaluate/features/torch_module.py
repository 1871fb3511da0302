"""Features by a module of torch: a TorchScript file, or what `torch.export.save` wrote (.pt2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from pydantic.dataclasses import dataclass

from genspark.errors import ConfigError, did_you_mean, first_line
from genspark.evaluate.features.extractor import EXTRACTOR
from genspark.evaluate.features.network import ImageNetwork, Input, Layout
from genspark.evaluate.features.weights import check_file, package

REMEDY = "pip install 'genspark[torch]'"


@dataclass(frozen=True, config=EXTRACTOR, kw_only=True)
class Torch(ImageNetwork):
    """A module of torch on batches of images, (n, 3, height, width): a TorchScript file, or .pt2 of torch.export.

    A file of `state_dict` alone is no module. Of a module that returns several tensors, `output` is the key or the
    place of one.
    """

    kind: ClassVar[str] = "torch"

    def check(self) -> None:
        super().check()
        package("torch", self.kind, REMEDY)

    def network(self) -> tuple[Callable[[Input], Any], Layout, tuple[int, int] | None]:
        torch = package("torch", self.kind, REMEDY)
        file = check_file(self.path, self.kind)
        try:
            if file.suffix == ".pt2":
                module = torch.export.load(str(file)).module()
            else:
                module = torch.jit.load(str(file), map_location="cpu").eval()
        except Exception as error:
            why = first_line(error)
            raise ConfigError(
                f"torch.path: {self.path} is neither TorchScript nor an exported program ({why}); save the module by "
                "torch.jit.save, or by torch.export.save as .pt2"
            ) from None

        def call(batch: Input) -> Any:
            with torch.inference_mode():
                return self._chosen(module(torch.from_numpy(batch))).numpy()

        return call, "NCHW", None

    def _chosen(self, made: Any) -> Any:
        """The tensor that `output` names."""
        if isinstance(made, tuple | list):
            made = {str(place): one for place, one in enumerate(made)}
        if not isinstance(made, dict):
            return made
        name = self.output or next(iter(made))
        if name not in made:
            raise ConfigError(f"torch.output: the module returns no {name!r}{did_you_mean(name, made)}")
        return made[name]
