"""Counting rules of random bits, of communication, and of what runs nothing."""

from __future__ import annotations

from collections.abc import Mapping

from einlab.trace.operations import Counted, Operation, Rule, elements, nbytes

__all__ = ["REST"]

# Integer operations of one block. Threefry-2x32 with 20 rounds: 2 additions of the key, 2 for its
# parity; a round adds, rotates (two shifts, one or) and xors; 5 injections of 3 additions.
# Philox-4x32 with 10 rounds: 4 products, 4 xors, 2 additions of the key.
# Source of both: Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3".
THREEFRY_BLOCK = 4 + 20 * 5 + 5 * 3
PHILOX_BLOCK = 10 * 10


def _threefry(op: Operation) -> Counted:
    """One block for each pair of counter words."""
    return Counted("random", flops=elements(op.outs[0]) * THREEFRY_BLOCK)


def _random_bits(op: Operation) -> Counted:
    """One Threefry block for each 32 bits; Philox ("rbg" keys) makes 128 bits a block."""
    width = max(int(op.params.get("bit_width", 32)), 32)
    words = op.written * width // 32
    return Counted("random", flops=_blocks(op, words))


def _blocks(op: Operation, words: int) -> int:
    if "rbg" in op.dtype:
        return -(-words // 4) * PHILOX_BLOCK
    return words * THREEFRY_BLOCK


def _keys(op: Operation) -> Counted:
    """New keys: two words each."""
    return Counted("random", flops=_blocks(op, 2 * op.written) // 2)


def _rng_bits(op: Operation) -> Counted:
    """The algorithm is the backend's own choice; four words a Philox block."""
    words = sum(nbytes(aval) for aval in op.outs[1:]) // 4
    return Counted("random", flops=-(-words // 4) * PHILOX_BLOCK)


def _nothing(op: Operation) -> Counted:
    """Says something to the compiler, and runs nothing."""
    return Counted("bookkeeping", reads=(0,) * len(op.ins), written=0, xla=(0, 0))


def _reduced_over(op: Operation) -> Counted:
    """Adds or compares the arrays of all devices: one operation an entry at least."""
    axes = op.params.get("axes", op.params.get("axis_name", ()))
    positional = axes and all(isinstance(axis, int) for axis in axes)
    return Counted("collective", flops=0 if positional else sum(map(elements, op.ins)))


def _sent(op: Operation) -> Counted:
    """Moves entries between devices; no arithmetic."""
    return Counted("collective")


def _index(op: Operation) -> Counted:
    """A number that the device knows."""
    return Counted("bookkeeping", reads=(0,) * len(op.ins), written=0)


REST: Mapping[str, Rule] = {
    **dict.fromkeys(("threefry2x32", "threefry4x32"), _threefry),
    "random_bits": _random_bits,
    **dict.fromkeys(("random_split", "random_fold_in", "random_seed"), _keys),
    **dict.fromkeys(("rng_bit_generator", "philox2x32", "philox4x32"), _rng_bits),
    **dict.fromkeys(("random_wrap", "random_unwrap", "random_clone"), _nothing),
    # Communication.
    **dict.fromkeys(("psum", "psum_invariant", "pmax", "pmin", "unreduced_psum"), _reduced_over),
    **dict.fromkeys(("unreduced_pmax", "unreduced_pmin"), _reduced_over),
    **dict.fromkeys(("reduce_scatter", "unreduced_reduce_scatter"), _reduced_over),
    **dict.fromkeys(("psum_start", "psum_invariant_start"), _reduced_over),
    **dict.fromkeys(("reduce_scatter_start", "unreduced_psum_start"), _reduced_over),
    "unreduced_reduce_scatter_start": _reduced_over,
    **dict.fromkeys(("all_gather", "all_gather_invariant", "all_gather_reduced"), _sent),
    **dict.fromkeys(("all_gather_start", "all_gather_reduced_start", "all_to_all"), _sent),
    **dict.fromkeys(("all_to_all_start", "ppermute", "ppermute_start", "psend", "precv"), _sent),
    **dict.fromkeys(("ragged_all_to_all", "pbroadcast", "pbroadcast_start"), _sent),
    "pbroadcast_dynamic": _sent,
    **dict.fromkeys(("psum_done", "all_gather_done", "all_to_all_done", "ppermute_done"), _nothing),
    **dict.fromkeys(("reduce_scatter_done", "pbroadcast_done"), _nothing),
    # What runs nothing.
    **dict.fromkeys(("name", "stop_gradient", "optimization_barrier"), _nothing),
    **dict.fromkeys(("pvary", "preduced", "vary_unreduced_cast", "reduced_vary_cast"), _nothing),
    **dict.fromkeys(("vary_unreduced_cast_p", "reduced_vary_cast_p"), _nothing),
    **dict.fromkeys(
        ("sharding_constraint", "reshard", "layout_constraint", "shard_alike"), _nothing
    ),
    **dict.fromkeys(
        ("create_token", "after_all", "add_dependency", "tie", "pin", "unpin"), _nothing
    ),
    **dict.fromkeys(("new_ref", "free_ref", "empty_ref", "create_linear", "consume"), _nothing),
    **dict.fromkeys(("with_memory_space_constraint", "remove_memory_space"), _nothing),
    **dict.fromkeys(("has_memory_space", "inspect_sharding", "assert_consumed_value"), _nothing),
    **dict.fromkeys(("debug_print", "debug_callback", "check", "shape_assertion"), _nothing),
    **dict.fromkeys(("xla_metadata_value", "multiple_of", "trace_value", "dce_sink"), _nothing),
    **dict.fromkeys(("program_order", "unreachable", "get_global", "stage"), _nothing),
    **dict.fromkeys(("axis_index", "platform_index", "program_id", "num_programs"), _index),
    **dict.fromkeys(("iota_2x32_shape", "dimension_size", "dim_as_value"), _index),
}
