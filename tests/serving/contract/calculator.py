"""A model whose answers everybody knows, with the shapes and dtypes that an API can get wrong.

| signature | inputs | outputs |
|---|---|---|
| `serving_default` | `x` | `y` = `x` / 2 (version 1: 10 `x`) |
| `divide` | `a`, `b` | `quotient` |
| `mixed` | `count` int64, `weight`, `name` string, `flag` bool | `total`, `next`, `greeting`, `name_bytes`, `denied` |
| `matrix` | `m` `[n, w]` | `row_sum` `[n]`, `twice` `[n, w]` |
| `words` | `words` string `[n, w]` | `joined` string `[n]`, `width` int32 `[n]` |
| `text`, `blob` | `text`, `blob` string | `same`, `same_bytes` |
| `whole`, `tiny`, `double` | `i` int32, `u` uint8, `d` float64 | `more` = input + 1 |
| `checked` | `x`, refused where negative | `y` = `x` |
| `scalar_in`, `scalar_out`, `uneven` | `x` `[]`, `x`, `x` | `y` `[]`; `total` `[]` and `y`; `y` and one row more |
"""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf


def spec(name, dtype=tf.float32, shape=(None,)):
    return tf.TensorSpec(shape, dtype, name=name)


def function(*specs):
    return tf.function(input_signature=list(specs), autograph=False)


class Calculator(tf.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = tf.Variable(factor, trainable=False)

    @function(spec("x"))
    def serving_default(self, x):
        return {"y": x * self.factor}

    @function(spec("a"), spec("b"))
    def divide(self, a, b):
        return {"quotient": a / b}

    @function(spec("count", tf.int64), spec("weight"), spec("name", tf.string), spec("flag", tf.bool))
    def mixed(self, count, weight, name, flag):
        return {
            "total": tf.cast(count, tf.float32) * weight,
            "next": count + 1,
            "greeting": tf.strings.join(["hello ", name]),
            "name_bytes": tf.identity(name),
            "denied": tf.logical_not(flag),
        }

    @function(spec("m", shape=(None, None)))
    def matrix(self, m):
        return {"row_sum": tf.reduce_sum(m, axis=1), "twice": m * 2.0}

    @function(spec("words", tf.string, (None, None)))
    def words(self, words):
        width = tf.fill([tf.shape(words)[0]], tf.shape(words)[1])
        return {"joined": tf.strings.reduce_join(words, axis=1, separator="+"), "width": width}

    @function(spec("text", tf.string))
    def text(self, text):
        return {"same": tf.identity(text)}

    @function(spec("blob", tf.string))
    def blob(self, blob):
        return {"same_bytes": tf.identity(blob)}

    @function(spec("i", tf.int32))
    def whole(self, i):
        return {"more": i + 1}

    @function(spec("u", tf.uint8))
    def tiny(self, u):
        return {"more": u + tf.constant(1, tf.uint8)}

    @function(spec("d", tf.float64))
    def double(self, d):
        return {"more": d + 1}

    @function(spec("x"))
    def checked(self, x):
        with tf.control_dependencies([tf.debugging.assert_non_negative(x, message="x is below zero")]):
            return {"y": tf.identity(x)}

    @function(spec("x", shape=()))
    def scalar_in(self, x):
        return {"y": x * self.factor}

    @function(spec("x"))
    def scalar_out(self, x):
        return {"total": tf.reduce_sum(x), "y": tf.identity(x)}

    @function(spec("x"))
    def uneven(self, x):
        return {"y": tf.identity(x), "z": tf.concat([x, [0.0]], axis=0)}


SIGNATURES = (
    "serving_default",
    "divide",
    "mixed",
    "matrix",
    "words",
    "text",
    "blob",
    "whole",
    "tiny",
    "double",
    "checked",
    "scalar_in",
    "scalar_out",
    "uneven",
)


def save_calculators(base_path: Path) -> None:
    """Version 1, which multiplies by ten, and version 2, which halves."""
    for version, factor in ((1, 10.0), (2, 0.5)):
        module = Calculator(factor)
        signatures = {name: getattr(module, name) for name in SIGNATURES}
        tf.saved_model.save(module, str(base_path / str(version)), signatures=signatures)
