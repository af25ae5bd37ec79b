"""Distribution of tfx-recommenders. Tool settings live in pyproject.toml, versions in the locks."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
PACKAGES = ("tfx_recommenders", "pipelines", "components", "serving")
HOME_PAGE = "https://github.com/tfx-recommenders/tfx-recommenders"
VERSION = "0.1.0"

# TFX 1.21, the newest, pins a TensorFlow that ScaNN is not built for: overrides.txt says what the lock does about it.
PIPELINE = [
    "tfx>=1.16,<1.22",
    "tensorflow>=2.16.2,<2.21",
    "tf-keras>=2.16,<2.21",
    "tensorflow-recommenders>=0.7.7,<0.8",
    "tensorflow-datasets>=4.9.10,<5",
    "importlib_resources",  # which TensorFlow Datasets imports and does not name
    "scann[tf]>=1.3.2,<1.5",
    "duckdb>=1.4,<2",  # reads, sorts and groups what is brought
    "fsspec",
    "dill",  # Beam made it an extra; tfx_bsl and Transform import it
    "jinja2",
    "orjson",
    "pandas",
    "pyarrow",
    "pydantic>=2.10,<3",  # checks the settings
    "scikit-learn",
    "scipy",
    "setuptools<81",  # TensorBoard imports pkg_resources, which later ones lack
]

EXTRAS = {
    # Answers questions from a pushed bundle: no TFX, no Beam. Plain pip finds versions that fit.
    "serving": [
        "scann[tf]>=1.3.2,<1.5",  # each ScaNN is built for one TensorFlow, which its extra names
        "tensorflow>=2.16.2,<2.21",
        "tensorflow-serving-api>=2.16.1,<2.21",  # the messages of TF Serving's gRPC API
        "numpy",
        "grpcio",
        "grpcio-health-checking",
        "grpcio-reflection",
        "httptools",
        "orjson",
        "prometheus-client",
        "uvicorn>=0.30,<1",  # its protocol class for httptools is extended
        "uvloop",
    ],
    # Keeps what people did beside the model server, in SQLite (needs the first alone), PostgreSQL or Redis.
    "events": ["sqlalchemy>=2,<3", "psycopg[binary]>=3.1,<4", "redis>=5,<9"],
    # Traces of the model server's requests.
    "tracing": ["opentelemetry-sdk"],
    # Asks a server over REST (gRPC: what "serving" brings).
    "client": ["httpx"],
    # Builds a bundle: the whole TFX pipeline, LocalDagRunner and Beam.
    "pipeline": PIPELINE,
    # Compiles and submits the pipeline to Kubeflow.
    "kubeflow": [*PIPELINE, "kfp>=2.5,<2.17"],
    # Searches settings; keras-tuner does not work with Keras 2.
    "tune": ["optuna"],
    # The map of the items by UMAP; t-SNE and PCA need nothing beyond "pipeline".
    "umap": ["umap-learn"],
    # Runs docs/tutorial.ipynb.
    "notebook": ["ipykernel", "matplotlib", "nbclient", "nbformat"],
    # What benchmarks/ compares with.
    "bench": ["implicit"],
    "test": [
        "flask",
        "flask-cors",
        "hypothesis",
        "moto[s3]",
        "playwright",
        "psutil",
        "pytest<9.2",  # from 9.2 on pytest-xdist 3.8 forgets which tests belong together, and fixtures run twice
        "pytest-cov",
        "pytest-timeout",
        "pytest-xdist",
        "schemathesis",
    ],
    "dev": ["mypy", "ruff", "types-protobuf", "types-psutil"],
}


def readme() -> str:
    """The README with links that also work where only the README is shown, on a package index."""
    text = (HERE / "README.md").read_text(encoding="utf-8")
    text = re.sub(r"(!\[[^]]*\])\((?!https?:|#)([^)]+)\)", rf"\1({HOME_PAGE}/raw/main/\2)", text)
    return re.sub(r"(\[[^]]*\])\((?!https?:|#)([^)]+)\)", rf"\1({HOME_PAGE}/blob/main/\2)", text)


setup(
    name="tfx-recommenders",
    version=VERSION,
    description="A production recommender as one TFX pipeline on TensorFlow Recommenders.",
    long_description=readme(),
    long_description_content_type="text/markdown",
    url=HOME_PAGE,
    project_urls={
        "Documentation": f"{HOME_PAGE}/tree/main/docs",
        "Changelog": f"{HOME_PAGE}/blob/main/CHANGELOG.md",
        "Issues": f"{HOME_PAGE}/issues",
    },
    license="Apache-2.0",
    license_files=["LICENSE"],
    keywords=["recommender system", "TFX", "TensorFlow Recommenders", "ScaNN", "two-tower", "Kubeflow", "TF Serving"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=[pattern for name in PACKAGES for pattern in (name, f"{name}.*")]),
    package_data={
        "tfx_recommenders": ["py.typed"],
        "pipelines": ["py.typed", "presets/*.toml"],
        "components": ["py.typed", "schema/*.pbtxt", "report/templates/*"],
        "serving": ["py.typed", "rest/page/*", "events/*.proto"],
    },
    # What the command line itself needs, whatever it is asked for; pydantic checks the settings that it reads.
    install_requires=["click>=8", "packaging>=22", "pydantic>=2.10,<3", "rich>=13", "tomli>=2"],
    extras_require=EXTRAS | {"all": sorted({item for items in EXTRAS.values() for item in items})},
    entry_points={"console_scripts": ["recommender = pipelines.cli.main:main"]},
)
