"""A process that trains both models on small data by the strategy that it is told; prints what they come to.

python -m tests.components.training.worker none|mirrored|multi_worker (the latter with TF_CONFIG)
"""

import dataclasses
import json
import sys

import components  # noqa: F401 - Keras 2, before TensorFlow


def main(strategy: str) -> None:
    import numpy as np
    import tensorflow as tf

    if strategy == "mirrored":
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    from components.training.replicas import Replicas, create_replicas

    if strategy == "mirrored":
        replicas = Replicas(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
    else:
        replicas = create_replicas(strategy)
    from components.ranking import fitting as ranking
    from components.retrieval import fitting as retrieval
    from components.retrieval.config import RetrievalConfig
    from components.training.training_log import TrainingLog
    from tests.components.ranking.test_fitting import BOTH, LIGHT
    from tests.components.retrieval.test_model import cycling_data

    config = dataclasses.replace(LIGHT, epochs=30, batch_size=256)
    models = ranking.fit(config, BOTH.items, BOTH.known, BOTH.held_out, replicas=replicas)
    errors = ranking.predict(models, BOTH.known, BOTH.held_out, 10_000) - BOTH.held_out.ratings

    data = cycling_data()
    ordered = RetrievalConfig(
        embedding_dim=8, epochs=40, eval_every=5, patience=40, batch_size=32, targets=1, cuts_per_user=4, l2=1e-5
    )
    sets = RetrievalConfig(
        embedding_dim=8, epochs=40, eval_every=5, patience=40, batch_size=8, history_order="none", squared_error_l2=1e-5
    )
    reached, checksum = {}, float(np.abs(models[0].user_ids.numpy()).sum())
    for name, settings in (("ordered", ordered), ("sets", sets)):
        log = TrainingLog(retrieval.METRIC, epochs=40, higher_is_better=True)
        (model,) = retrieval.fit(settings, data, log, replicas)
        reached[name] = max(entry.get("eval_ndcg@100", 0.0) for entry in log.as_dict()["epochs"])
        checksum += float(np.abs(model.embed_catalogue()[1].numpy()).sum())
    result = {
        "replicas": replicas.count,
        "rmse": float(np.sqrt(np.mean(errors**2))),
        "ndcg": reached,
        "checksum": checksum,
        "plain": type(models[0].user_ids).__name__,
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
