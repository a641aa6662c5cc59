"""Public models that others wrote in Flax or Equinox, as functions of shapes: nothing is allocated.

Each is an entry of the dependency group `zoo`, or is installed beside it as `noxfile.py` says; one
that is missing is skipped by name.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from tests.trace.operations import spec

Model = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function, and the shapes of its arguments: weights first."""


def needed(package: str) -> Any:
    return pytest.importorskip(package, reason=f"{package} is not installed")


def linen(model: Any, *inputs: Any, **options: Any) -> Model:
    """A module of Flax's older interface."""
    weights = jax.eval_shape(model.init, jax.random.key(0), *inputs)
    return (lambda weights, *inputs: model.apply(weights, *inputs, **options)), (weights, *inputs)


def split(make: Callable[[Any], Any], *inputs: Any) -> Model:
    """A module of Flax's newer interface."""
    nnx = importlib.import_module("flax.nnx")
    graph, weights = nnx.split(nnx.eval_shape(lambda: make(nnx.Rngs(0))))

    def call(weights: Any, *inputs: Any) -> Any:
        return jax.tree.leaves(nnx.merge(graph, weights)(*inputs))

    return call, (weights, *inputs)


def resnet(small: bool) -> Model:
    found = needed("jax_resnet")
    if small:
        return linen(found.ResNet18(n_classes=10), spec(1, 64, 64, 3), mutable=False)
    return linen(found.ResNet50(n_classes=1000), spec(8, 224, 224, 3), mutable=False)


def vision_transformer(small: bool) -> Model:
    equinox, vision = needed("equinox"), needed("equimo.vision.models.vit")
    size, width, depth, heads = (32, 48, 2, 3) if small else (224, 768, 12, 12)
    make = lambda: vision.VisionTransformer(  # noqa: E731
        img_size=size,
        in_channels=3,
        dim=width,
        patch_size=16,
        num_heads=heads,
        depths=[depth],
        num_classes=10,
        key=jax.random.key(0),
    )
    weights = equinox.filter_eval_shape(make)
    call = lambda weights, x, key: weights(x, key=key, inference=True)  # noqa: E731
    return call, (weights, spec(3, size, size), jax.random.key(0))


def llama(small: bool) -> Model:
    """The sizes of Llama 3.2 1B."""
    equinox, zoo = needed("equinox"), needed("eqx_zoo")
    width, wide, depth, heads, groups = (64, 128, 2, 4, 2) if small else (2048, 8192, 16, 32, 8)
    return equinox_decoder(
        equinox,
        zoo,
        128 if small else 2048,
        architectures=["LlamaForCausalLM"],
        vocab_size=1000 if small else 128256,
        hidden_size=width,
        intermediate_size=wide,
        num_hidden_layers=depth,
        num_attention_heads=heads,
        num_key_value_heads=groups,
        head_dim=width // heads,
        rms_norm_eps=1e-5,
        rope_theta=5e5,
        tie_word_embeddings=True,
    )


def equinox_decoder(equinox: Any, zoo: Any, length: int, **fields: Any) -> Model:
    make = lambda key: zoo.CausalLM(zoo.Config.from_hf(fields), key=key)  # noqa: E731
    weights = equinox.filter_eval_shape(make, jax.random.key(0))
    return (lambda weights, ids: weights(ids)[0]), (weights, spec(length, dtype="int32"))


def unet(small: bool) -> Model:
    found = needed("flaxdiff.models.simple_unet")
    depths = (32, 64) if small else (64, 128, 256, 512)
    size = 16 if small else 64
    model = found.Unet(
        feature_depths=list(depths),
        attention_configs=[{"heads": 4}] * len(depths),
        emb_features=depths[-1],
    )
    return linen(model, spec(1, size, size, 3), spec(1), spec(1, 7, depths[-1]))


def state_space(small: bool) -> Model:
    found = needed("mamba2_jax")
    config = found.Mamba2Config.tiny() if small else found.Mamba2Config()
    make = lambda rngs: found.Mamba2ForCausalLM(config, rngs=rngs)  # noqa: E731
    return split(make, spec(1, 64 if small else 1024, dtype="int32"))


def experts(small: bool) -> Model:
    found = needed("nano_moe.model")
    sizes = {"n_layers": 1, "d_model": 32, "d_ff": 64, "block_size": 16} if small else {}
    config = found.NanoMoEConfig(**sizes)
    return linen(found.NanoMoE(config), spec(2, config.block_size, dtype="int32"))


ZOO: Mapping[str, Callable[[bool], Model]] = {
    "ResNet": resnet,
    "vision transformer": vision_transformer,
    "Llama": llama,
    "U-Net": unet,
    "state space": state_space,
    "mixture of experts": experts,
}
"""Name → the model, small or in its published size."""


def gradient(model: Model) -> Model:
    """The gradient of the mean of a model's results by its floating-point weights."""
    call, (weights, *inputs) = model
    leaves, tree = jax.tree.flatten(weights)
    trained = [
        n
        for n, leaf in enumerate(leaves)
        if hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.floating)
    ]

    def loss(given: Any, *inputs: Any) -> Any:
        filled = list(leaves)
        for place, leaf in zip(trained, given, strict=True):
            filled[place] = leaf
        results = jax.tree.leaves(call(jax.tree.unflatten(tree, filled), *inputs))
        return sum(jnp.mean(leaf) for leaf in results if jnp.issubdtype(leaf.dtype, jnp.floating))

    return jax.grad(loss), ([leaves[place] for place in trained], *inputs)
