"""Files that TensorBoard's Embedding Projector opens: vectors, what is shown of each, and the plugin's configuration.

https://www.tensorflow.org/tensorboard/tensorboard_projector_plugin; vectors.tsv and metadata.tsv can also be
loaded by hand into https://projector.tensorflow.org.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from components.embeddings.from_bundle import BundleEmbeddings

TENSOR = "items"
VECTORS, METADATA, CONFIG = "vectors.tsv", "metadata.tsv", "projector_config.pbtxt"
COLUMNS = ("title", "genres", "rows", "item_id")


def write_projector(embeddings: BundleEmbeddings, folder: Path) -> int:
    """Writes the three files, the items with the most training rows first.

    The biases are left out: what is near is then what `similar` calls near.

    Args:
      embeddings: Of a bundle.
      folder: An existing folder.

    Returns:
      How many items were written.
    """
    from google.protobuf import text_format
    from tensorboard.plugins.projector import ProjectorConfig

    catalogue = embeddings.catalogue
    chosen = np.argsort(-embeddings.rows, kind="stable")
    vectors = embeddings.vectors.tastes(chosen)
    with (folder / VECTORS).open("w", encoding="utf-8") as file:
        file.writelines("\t".join(f"{value:.6g}" for value in vector) + "\n" for vector in vectors)
    with (folder / METADATA).open("w", encoding="utf-8") as file:
        file.write("\t".join(COLUMNS) + "\n")
        for row in chosen:
            genres = "|".join(_in_a_cell(genre.decode()) for genre in catalogue.genres[row])
            title, item_id = (_in_a_cell(text.decode()) for text in (catalogue.titles[row], catalogue.item_ids[row]))
            file.write(f"{title}\t{genres}\t{embeddings.rows[row]}\t{item_id}\n")
    config = ProjectorConfig()
    entry = config.embeddings.add(tensor_name=TENSOR, tensor_path=VECTORS, metadata_path=METADATA)
    entry.tensor_shape.extend(vectors.shape)
    (folder / CONFIG).write_text(text_format.MessageToString(config), encoding="utf-8")
    return len(chosen)


def _in_a_cell(text: str) -> str:
    """Text without what ends a cell or a line."""
    return " ".join(text.split("\t")).replace("\r", " ").replace("\n", " ")
