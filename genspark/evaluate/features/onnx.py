"""Features by an ONNX file, run by onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from pydantic.dataclasses import dataclass

from genspark.errors import ConfigError, did_you_mean, first_line
from genspark.evaluate.features.extractor import EXTRACTOR
from genspark.evaluate.features.network import ImageNetwork, Input, Layout
from genspark.evaluate.features.weights import check_file, package

_REMEDY = "pip install 'genspark[onnx]'"


@dataclass(frozen=True, config=EXTRACTOR, kw_only=True)
class Onnx(ImageNetwork):
    """A network in an ONNX file with one input, of images; size and layout are read from it where it states them."""

    kind: ClassVar[str] = "onnx"

    def check(self) -> None:
        super().check()
        package("onnxruntime", self.kind, _REMEDY)

    def network(self) -> tuple[Callable[[Input], Any], Layout, tuple[int, int] | None]:
        session = self._session()
        inputs = session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4:
            told = ", ".join(f"{one.name} {one.shape}" for one in inputs)
            raise ConfigError(f"onnx.path: {self.path} takes {told}, and this extractor gives one batch of images")
        outputs = [one.name for one in session.get_outputs()]
        if self.output and self.output not in outputs:
            raise ConfigError(f"onnx.output: {self.path} has no {self.output!r}{did_you_mean(self.output, outputs)}")
        wanted, name, shape = [self.output or outputs[0]], inputs[0].name, inputs[0].shape
        is_last = shape[3] in (1, 3) and shape[1] not in (1, 3)
        height, width = shape[1:3] if is_last else shape[2:4]
        size = (height, width) if isinstance(height, int) and isinstance(width, int) else None
        return lambda batch: session.run(wanted, {name: batch})[0], "NHWC" if is_last else "NCHW", size

    def _session(self) -> Any:
        runtime = package("onnxruntime", self.kind, _REMEDY)
        file, options = check_file(self.path, self.kind), runtime.SessionOptions()
        # Sums in one order, whatever the number of cores: the same vectors everywhere.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            return runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ConfigError(f"onnx.path: {self.path} is no ONNX file that runs here ({first_line(error)})") from None
