"""Distribution of tfx-recommenders. Tool settings live in pyproject.toml, versions in requirements.lock."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

EXTRAS = {
    # Answers questions from a pushed bundle: no TFX, no Beam.
    "serving": [
        "tensorflow==2.16.2",
        "tf-keras==2.16.0",
        "tensorflow-serving-api==2.16.1",  # the protos of TF Serving's gRPC API
        "scann==1.3.2",
        "numpy",
        "grpcio",
        "grpcio-health-checking==1.48.2",  # the newest that takes TFX's protobuf
        "grpcio-reflection==1.48.2",
        "httptools",
        "orjson",
        "prometheus-client",
        "starlette",
        "uvicorn",
        "uvloop",
    ],
    # Traces of the model server's requests.
    "tracing": ["opentelemetry-sdk"],
    # Asks a server over REST (gRPC: what "serving" brings).
    "client": ["httpx"],
    # Builds a bundle: the whole TFX pipeline, LocalDagRunner and Beam.
    "pipeline": [
        "tfx==1.16.0",
        "tensorflow==2.16.2",
        "tf-keras==2.16.0",
        "tensorflow-recommenders==0.7.7",
        "tensorflow-datasets==4.9.10",
        "scann==1.3.2",
        "dill>=0.3.1.1,<0.3.2",  # Beam made it an extra; tfx_bsl and Transform import it
        "jinja2",
        "pandas",
        "pyarrow",
        "scikit-learn",
        "scipy",
        "setuptools<81",  # TensorBoard 2.16 imports pkg_resources, which later ones lack
    ],
    # Compiles and submits the pipeline to Kubeflow.
    "kubeflow": ["tfx[kfp]==1.16.0"],
    # Searches settings; keras-tuner does not work with Keras 2.
    "tune": ["optuna"],
    # The map of the movies by UMAP; t-SNE and PCA need nothing beyond "pipeline".
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
        "pytest",
        "pytest-timeout",
        "pytest-xdist",
        "schemathesis",
    ],
    "dev": ["mypy", "ruff", "types-protobuf", "types-psutil"],
}

setup(
    name="tfx-recommenders",
    version="0.1.0",
    description="A production recommender as one TFX pipeline on TensorFlow Recommenders.",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.11",
    packages=find_packages(include=["pipelines*", "components*", "serving*"]),
    package_data={
        "pipelines": ["presets/*.toml"],
        "components": ["schema/*.pbtxt", "report/templates/*"],
        "serving": ["page/*"],
    },
    install_requires=["click>=8", "rich>=13", "tomli>=2"],
    extras_require=EXTRAS | {"all": sorted({item for items in EXTRAS.values() for item in items})},
    entry_points={"console_scripts": ["recommender = pipelines.cli.main:main"]},
)
