"""Extractors that run torch: the Inception of FID against torch-fidelity's, modules and folders of transformers."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from genspark.errors import ConfigError
from genspark.evaluate.features import HuggingFace, Inception, Torch, extract
from genspark.evaluate.features.inception import as_tensorflow_resizes

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'genspark[torch]'")
Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: pip install 'genspark[images]'")


def pictures(count: int, shape: tuple[int, ...] = (40, 30, 3)) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (count, *shape), dtype=np.uint8)


def frame(pixels: np.ndarray) -> pl.DataFrame:
    contents = []
    for one in pixels:
        target = io.BytesIO()
        Image.fromarray(one).save(target, "PNG")
        contents.append(target.getvalue())
    return pl.DataFrame({"image": contents})


def vectors(made: pl.DataFrame) -> np.ndarray:
    return np.array(made["features"].to_list())


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seeded weights by the names of the published file, whose activations neither vanish nor overflow."""
    from genspark.evaluate.features.inception_network import InceptionNetwork

    torch.manual_seed(0)
    network = InceptionNetwork()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.8, 1.6)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.normal_(module.running_mean, std=0.1)
        elif isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    path = tmp_path_factory.mktemp("weights") / "pt_inception.pth"
    torch.save(network.state_dict(), path)
    return path


def test_inception_is_torch_fidelitys(weights: Path) -> None:
    module = pytest.importorskip(
        "torch_fidelity.feature_extractor_inceptionv3", reason="torch-fidelity is not installed"
    )
    theirs = module.FeatureExtractorInceptionV3(
        "inception-v3-compat", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(weights)
    )
    pixels = pictures(4)
    with torch.no_grad():
        pool, logits = theirs(torch.from_numpy(pixels).permute(0, 3, 1, 2))
    for output, expected in (("pool", pool.numpy()), ("logits", logits.numpy())):
        made = vectors(extract(frame(pixels), Inception(path=str(weights), output=output)))
        assert made.shape == expected.shape
        assert made.std(axis=0).max() > 1e-3, "images are told from each other"
        assert made == pytest.approx(expected, rel=1e-4, abs=1e-5 * float(np.abs(expected).max()))


def test_the_resize_is_torch_fidelitys_to_the_bit() -> None:
    module = pytest.importorskip(
        "torch_fidelity.interpolate_compat_tensorflow", reason="torch-fidelity is not installed"
    )
    for shape in ((32, 32, 3), (500, 320, 3), (7, 299, 3)):
        image = pictures(1, shape)
        given = torch.from_numpy(image).permute(0, 3, 1, 2).float()
        theirs = module.interpolate_bilinear_2d_like_tensorflow1x(given, size=(299, 299), align_corners=False)
        ours = as_tensorflow_resizes(image[0], 299)
        assert np.abs(ours - theirs[0].permute(1, 2, 0).numpy()).max() < 1e-4


def test_blocks_without_padded_averages_are_torchvisions(weights: Path) -> None:
    """Where pools do not differ from torchvision's, its graph gives the same activations."""
    models = pytest.importorskip("torchvision.models", reason="torchvision is not installed")
    from genspark.evaluate.features.inception_network import network

    ours = network(torch.load(weights, weights_only=True))
    theirs = models.inception_v3(weights=None, num_classes=1008, aux_logits=False, init_weights=False).eval()
    theirs.load_state_dict(torch.load(weights, weights_only=True))
    x = torch.randn(1, 288, 35, 35, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.allclose(ours.Mixed_6a(x), theirs.Mixed_6a(x), rtol=1e-5, atol=1e-5)
        y = theirs.Mixed_6a(x)
        assert torch.allclose(ours.Mixed_7a(y), theirs.Mixed_7a(y), rtol=1e-5, atol=1e-5)
        z = ours.Mixed_6b(y)
        inside = (slice(None), slice(None), slice(1, -1), slice(1, -1))
        assert torch.allclose(z[inside], theirs.Mixed_6b(y)[inside], rtol=1e-4, atol=1e-5)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save({"conv.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ConfigError, match=r"does not hold its weights .*published one is pt_inception"):
        extract(frame(pictures(1)), Inception(path=str(tmp_path / "other.pth")))


class Small(torch.nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.conv = torch.nn.Conv2d(3, 8, 3)

    def forward(self, x: Any) -> Any:
        return self.conv(x).mean(dim=(2, 3))


@pytest.mark.parametrize("suffix", ["pt", "pt2"])
def test_a_saved_module_gives_what_the_module_gives(tmp_path: Path, suffix: str) -> None:
    module, path = Small().eval(), tmp_path / f"small.{suffix}"
    if suffix == "pt":
        torch.jit.trace(module, torch.zeros(2, 3, 40, 30)).save(str(path))
    else:
        batch = torch.export.Dim("batch", min=1, max=64)
        shapes = {"x": {0: batch}}
        torch.export.save(torch.export.export(module, (torch.zeros(2, 3, 40, 30),), dynamic_shapes=shapes), str(path))
    pixels = pictures(5)
    extractor = Torch(path=str(path), mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    made = vectors(extract(frame(pixels), extractor))
    given = (pixels / 255.0 - [0.5, 0.4, 0.3]) / [0.2, 0.3, 0.4]
    with torch.no_grad():
        expected = module(torch.from_numpy(given.transpose(0, 3, 1, 2)).float()).numpy()
    assert made == pytest.approx(expected, abs=1e-5)


def test_a_file_that_is_no_module_is_told(tmp_path: Path) -> None:
    torch.save(Small().state_dict(), tmp_path / "state.pt")
    with pytest.raises(ConfigError, match="neither TorchScript nor an exported program .*; save the module by"):
        extract(frame(pictures(1)), Torch(path=str(tmp_path / "state.pt")))


def test_a_folder_of_transformers_reads_texts_without_scoring_padding(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "dog", "bit", "man"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    tokenizer = transformers.BertTokenizer(str(tmp_path / "vocab.txt"))
    config = transformers.DistilBertConfig(vocab_size=len(words), dim=16, n_layers=1, n_heads=2, hidden_dim=32)
    torch.manual_seed(1)
    model = transformers.DistilBertModel(config).eval()
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    texts = pl.DataFrame({"t": ["a dog bit a man", "dog", None]})
    extractor = HuggingFace(path=str(tmp_path), text="t")
    made = extract(texts, extractor, on_fault="null")
    assert made["_fault"].to_list() == [None, None, "row 2 of a batch: null"]
    for text, vector in zip(texts["t"][:2], made["features"][:2], strict=True):
        with torch.no_grad():
            alone = model(**tokenizer(text, return_tensors="pt")).last_hidden_state.mean(dim=1)[0]
        assert vector.to_list() == pytest.approx(alone.tolist(), abs=1e-5)


def test_a_folder_of_clip_gives_the_embeddings_of_its_images(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = {**sizes, "image_size": 32, "patch_size": 8, "projection_dim": 8}
    text = {**sizes, "vocab_size": 50, "projection_dim": 8, "eos_token_id": 2}
    torch.manual_seed(2)
    config = transformers.CLIPConfig(vision_config=vision, text_config=text, projection_dim=8)
    model = transformers.CLIPModel(config).eval()
    model.save_pretrained(tmp_path)
    processor = transformers.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    processor.save_pretrained(tmp_path)
    pixels = pictures(3)
    made = vectors(extract(frame(pixels), HuggingFace(path=str(tmp_path), image="image", unit=True)))
    with torch.no_grad():
        given = processor(images=list(pixels), return_tensors="pt")
        expected = model(input_ids=torch.tensor([[1, 2]]), **given).image_embeds.numpy()
    assert made == pytest.approx(expected, abs=1e-5)
