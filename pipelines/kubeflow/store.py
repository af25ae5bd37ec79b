"""The store behind Kubeflow's artifacts, where a step opens it itself: its address, and what no launcher reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from components.errors import InputError

PROVIDERS_VARIABLE = "RECOMMENDER_KUBEFLOW_PROVIDERS"
"""Holds the key `providers` of Kubeflow's ConfigMap `kfp-launcher`, where there is one."""


def settings_of_kubeflow(place: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Variables of AWS's clients that Kubeflow's own settings tell of a place; what is set already stays.

    Args:
      place: Where versions are pushed: `minio://bucket/…` or `s3://bucket/…`; of any other nothing is told.
      environment: Of the step.

    Raises:
      InputError: The settings cannot be read, or name a secret that the step was not given.
    """
    scheme, _, address = place.partition("://")
    text = environment.get(PROVIDERS_VARIABLE, "")
    if scheme not in ("s3", "minio") or not text:
        return {}
    try:
        provider = _provider(yaml.safe_load(text).get(scheme) or {}, address)
        endpoint, region = str(provider.get("endpoint") or ""), str(provider.get("region") or "")
        credentials = provider.get("credentials") or {}
        secret, from_environment = credentials.get("secretRef") or {}, _true(credentials.get("fromEnv"))
    except (yaml.YAMLError, AttributeError) as error:
        raise InputError(
            "Kubeflow's ConfigMap kfp-launcher cannot be read",
            expected="`providers` as YAML: a default and overrides for each scheme",
            received=str(error).splitlines()[0],
            action="correct it, or set AWS_ENDPOINT_URL in the file of --deployment",
        ) from error
    if endpoint and "://" not in endpoint:
        endpoint = f"{'http' if _true(provider.get('disableSSL')) else 'https'}://{endpoint}"
    if secret and not from_environment and "AWS_ACCESS_KEY_ID" not in environment:
        raise _lacking(place, secret)
    found = {"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": region}
    return {name: value for name, value in found.items() if value and name not in environment}


def remove_folder_markers(addresses: Iterable[str]) -> int:
    """Removes the empty objects by which TensorFlow's file system marks folders below addresses at gs://.

    Kubeflow's launcher takes them for files and fails (kubeflow/pipelines#13476).

    Returns:
      How many there were.
    """
    from google.cloud import storage

    client = storage.Client(project=None)
    removed = 0
    for address in addresses:
        bucket, _, key = address.removeprefix("gs://").partition("/")
        for blob in client.list_blobs(bucket, prefix=f"{key}/"):  # a key is no prefix of its own neighbours
            if blob.name.endswith("/") and not blob.size:
                blob.delete()
                removed += 1
    return removed


def _provider(providers: Mapping[str, Any], address: str) -> Mapping[str, Any]:
    """The first override that names the bucket and a prefix of the path, else the default."""
    bucket, _, path = address.partition("/")
    for override in providers.get("overrides") or []:
        if override.get("bucketName") == bucket and path.startswith(str(override.get("keyPrefix") or "")):
            found: Mapping[str, Any] = override
            return found
    default: Mapping[str, Any] = providers.get("default") or {}
    return default


def _lacking(place: str, secret: Mapping[str, Any]) -> InputError:
    keys = {"accessKeyKey": "AWS_ACCESS_KEY_ID", "secretKeyKey": "AWS_SECRET_ACCESS_KEY"}
    variables = ", ".join(f'{secret.get(key)} = "{variable}"' for key, variable in keys.items())
    name = secret.get("secretName")
    return InputError(
        f"the step has no credentials of {place}",
        expected=f"those of the secret {name}, which Kubeflow's ConfigMap kfp-launcher names",
        received="no AWS_ACCESS_KEY_ID",
        action=f'give it in the file of --deployment: [[secrets]] with name = "{name}" and env = {{ {variables} }}',
    )


def _true(value: Any) -> bool:
    """Whether a flag of the settings is set, which is YAML's own or a text."""
    return str(value).lower() == "true"
