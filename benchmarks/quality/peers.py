"""Figures of other systems on the same rows, to stand beside ours.

Each was measured once, on one machine, outside of this project (transitions: by its own peers), with the splits of
splits.py and the metrics of scores.py; none is computed here. Lists: trained on train + valid, the whole catalogue
ranked, seen items left out. Ratings: trained on train + valid.
"""

from __future__ import annotations

R1 = {
    "two towers with history, recency and content, 3 seeds": {
        "hr@10": 0.1262, "ndcg@10": 0.0717, "recall@50": 0.3098, "recall@100": 0.4393, "coverage@10": 0.157,
    },
    "two towers with history, recency and content, one seed": {
        "hr@10": 0.1131, "ndcg@10": 0.0583, "recall@50": 0.2869, "recall@100": 0.4115, "coverage@10": 0.153,
    },
    "SLIM, recency-weighted history": {
        "hr@10": 0.1213, "ndcg@10": 0.0668, "recall@50": 0.2754, "recall@100": 0.3754, "coverage@10": 0.167,
    },
    "EASE, recency-weighted history": {
        "hr@10": 0.1246, "ndcg@10": 0.0650, "recall@50": 0.2885, "recall@100": 0.3869, "coverage@10": 0.131,
    },
    "item-kNN, recency-weighted": {
        "hr@10": 0.1098, "ndcg@10": 0.0520, "recall@50": 0.2705, "recall@100": 0.3443, "coverage@10": 0.222,
    },
    "SASRec, lightly tuned": {
        "hr@10": 0.1016, "ndcg@10": 0.0490, "recall@50": 0.2557, "recall@100": 0.3361, "coverage@10": 0.190,
    },
    "transitions within 20 items": {
        "hr@10": 0.1361, "ndcg@10": 0.0679, "recall@50": 0.3492, "recall@100": 0.4574, "coverage@10": 0.195,
    },
    "transitions within 10 items": {
        "hr@10": 0.1279, "ndcg@10": 0.0744, "recall@50": 0.3049, "recall@100": 0.3934, "coverage@10": 0.305,
    },
    "EASE": {
        "hr@10": 0.0885, "ndcg@10": 0.0400, "recall@50": 0.2820, "recall@100": 0.3918, "coverage@10": 0.066,
    },
    "implicit's ALS": {
        "hr@10": 0.0787, "ndcg@10": 0.0356, "recall@50": 0.2557, "recall@100": 0.3754, "coverage@10": 0.090,
    },
    "item-kNN": {
        "hr@10": 0.0721, "ndcg@10": 0.0317, "recall@50": 0.2295, "recall@100": 0.3443, "coverage@10": 0.065,
    },
    "popularity": {
        "hr@10": 0.0426, "ndcg@10": 0.0194, "recall@50": 0.1115, "recall@100": 0.1869, "coverage@10": 0.012,
    },
    "two towers of the TFRS tutorial": {
        "hr@10": 0.0344, "ndcg@10": 0.0186, "recall@50": 0.1623, "recall@100": 0.2541, "coverage@10": 0.183,
    },
}  # fmt: skip

R3 = {
    "SLIM": {"recall@20": 0.2840, "ndcg@20": 0.2904, "recall@100": 0.5004},
    "EASE": {"recall@20": 0.2831, "ndcg@20": 0.2867, "recall@100": 0.5156},
    "two towers with squared error": {"recall@20": 0.2785, "ndcg@20": 0.2839, "recall@100": 0.5119},
    "iALS": {"recall@20": 0.2652, "ndcg@20": 0.2642, "recall@100": 0.4985},
    "two towers with softmax": {"recall@20": 0.2667, "ndcg@20": 0.2538, "recall@100": 0.4848},
    "implicit's ALS": {"recall@20": 0.2697, "ndcg@20": 0.2490, "recall@100": 0.4960},
    "two towers of the TFRS tutorial": {"recall@20": 0.1372, "ndcg@20": 0.1027, "recall@100": 0.3320},
    "popularity": {"recall@20": 0.1199, "ndcg@20": 0.1244, "recall@100": 0.2914},
}

P2 = {
    "factorisation machine in two towers, 4 seeds": {"rmse": 0.7973},
    "factorisation machine in two towers, one seed": {"rmse": 0.8095},
    "Bayesian factorisation machine (myFM), with implicit history, raters, side features": {
        "rmse": 0.8083, "mae": 0.6176,
    },
    "Surprise KNNBaseline": {"rmse": 0.8459, "mae": 0.6475},
    "Surprise SVD": {"rmse": 0.8531, "mae": 0.6548},
    "biased matrix factorisation": {"rmse": 0.8540, "mae": 0.6559},
    "user + item bias": {"rmse": 0.8638, "mae": 0.6648},
    "dense network with dropout": {"rmse": 0.8814},
    "ranking of the TFRS tutorial, stopped early": {"rmse": 0.8863},
    "global mean": {"rmse": 1.0341},
}  # fmt: skip

P3 = {
    "factorisation machine in two towers": {"rmse": 0.7966},
    "Bayesian factorisation machine (myFM)": {"rmse": 0.8106},
    "Surprise SVD": {"rmse": 0.8122},
    "user + item bias": {"rmse": 0.8274},
}

BEAUTY = {
    "transitions within 10 items": {"recall@10": 0.0931, "ndcg@10": 0.0593},
    "eSASRec (arXiv 2508.06450)": {"recall@10": 0.0928, "ndcg@10": 0.0523},
    "SASRec with sampled softmax (the same)": {"recall@10": 0.0921, "ndcg@10": 0.0531},
    "EASE, recency-weighted history": {"recall@10": 0.0852, "ndcg@10": 0.0517},
    "item-kNN, recency-weighted": {"recall@10": 0.0807, "ndcg@10": 0.0494},
    "TIGER (Rajput et al., 2023)": {"recall@10": 0.0648, "ndcg@10": 0.0384},
    "S3-Rec (Zhou et al., 2020)": {"recall@10": 0.0647, "ndcg@10": 0.0327},
    "SASRec (binary cross-entropy, one negative; S3-Rec's table)": {"recall@10": 0.0605, "ndcg@10": 0.0318},
    "popularity": {"recall@10": 0.0130, "ndcg@10": 0.0059},
}
"""Of systems that name a paper: as published, on the same file."""

PEERS: dict[str, dict[str, dict[str, float]]] = {"R1": R1, "R3": R3, "P2": P2, "P3": P3, "Beauty": BEAUTY}
