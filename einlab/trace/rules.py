"""One counting rule a primitive: which operations are counted, entered, or cannot be counted.

Every primitive of the installed JAX stands in exactly one of `RULES` (it has a count), `CALLS` (the
walk enters the functions in its parameters) and `REASONS` (unknown, and why).
"""

from __future__ import annotations

from collections.abc import Mapping

from einlab.trace.operations import Counted, Operation, Rule
from einlab.trace.rules_data import DATA
from einlab.trace.rules_elementwise import ELEMENTWISE
from einlab.trace.rules_linalg import LINALG
from einlab.trace.rules_products import PRODUCTS
from einlab.trace.rules_rest import REST

__all__ = ["CALLS", "REASONS", "RULES", "counted"]

RULES: Mapping[str, Rule] = {**ELEMENTWISE, **PRODUCTS, **DATA, **LINALG, **REST}

CALLS = frozenset(
    (
        # once
        *("jit", "call", "closed_call", "jaxpr_call", "eval_jaxpr", "composite"),
        *("remat2", "remat_opt", "custom_vmap_call"),
        *("custom_jvp_call", "custom_jvp_call_jaxpr", "custom_vjp_call", "custom_lin"),
        *("xla_metadata_call", "compute_on", "custom_partitioning", "linear_call", "fused_call"),
        *("run_state", "run_scoped", "core_map", "custom_linear_solve", "shard_map"),
        *("call_hi_primitive", "call_hi_primitive_linearized", "einlab_contract"),
        *("einlab_tangent", "einlab_gradient"),
        # several times, or one of several
        *("scan", "while", "cond", "pallas_call", "mpmd_map"),
    )
)
"""Primitives whose cost is that of the functions they hold."""

_HOST = "runs Python on the host, which no trace shows"
_CUDNN = "a kernel of cuDNN that does not say what it costs"
_KERNEL = "an instruction inside a kernel for one kind of device"
_SPARSE = "its cost depends on how many entries are not zero"
_STOCHASTIC = "rejection sampling: the number of trials depends on the random bits"
_FOREIGN = "code that was compiled elsewhere and does not say what it costs"
_EXPERIMENTAL = "an experimental operation without a stable meaning"

KERNEL_INSTRUCTIONS = """
all_reduce_ffs all_reduce_population_count async_copy_scales_to_tmem async_copy_smem_to_tmem
async_copy_sparse_metadata_to_tmem async_load async_prefetch async_store_smem async_store_tmem
atomic_cas atomic_rmw barrier barrier_arrive barrier_arrive_and_wait barrier_test barrier_wait
commit_group commit_smem commit_tmem conv copy_gmem_to_smem copy_smem_to_gmem debug_barrier
debug_barrier_p delay dma_start dma_wait einshape_lo elementwise_inline_asm elementwise_inline_asm_p
emit_pipeline freeze get_barrier_semaphore griddepcontrol_launch_dependents griddepcontrol_wait
inline_mgpu layout_cast load masked_cummax masked_cummin masked_cumsum masked_sort matmul_acc_lhs
matmul_lhs_fifo matmul_pop matmul_pop_fifo matmul_push_rhs max_contiguous mgpu_atomic_store mma
mosaic_gpu_reduce_max mosaic_gpu_reduce_min mosaic_gpu_reduce_prod mosaic_gpu_reduce_sum
multimem_load_reduce multimem_store pack parallel_loop pipeline_body print_layout prng_join
prng_random_bits prng_seed prng_split query_cluster_cancel sc_fetch_and_add scan_count
semaphore_read semaphore_signal semaphore_signal_multicast semaphore_signal_parallel semaphore_wait
set_max_registers store tcgen05_commit_arrive tcgen05_mma try_cluster_cancel unique unpack
wait_gmem_to_smem wait_load_tmem wait_smem_to_gmem wgmma wgmma_accumulator_deref
wgmma_accumulator_store wgmma_ref wgmma_wait
"""
"""What Pallas kernels for TPUs and GPUs are made of; a kernel of these gives a CostEstimate."""

REASONS: Mapping[str, str] = {
    **dict.fromkeys(("pure_callback", "io_callback", "buffer_callback"), _HOST),
    **dict.fromkeys(("ffi_call", "tpu_custom_call", "call_exported", "mosaic_gpu_p"), _FOREIGN),
    **dict.fromkeys(("custom_fusion", "cudnn_fusion", "fusible"), _FOREIGN),
    **dict.fromkeys(("rnn_fwd", "rnn_bwd"), _CUDNN),
    **dict.fromkeys((f"dot_product_attention_{way}" for way in ("fwd", "bwd")), _CUDNN),
    **dict.fromkeys((f"dot_product_attention_{way}_wrapper" for way in ("fwd", "bwd")), _CUDNN),
    **dict.fromkeys((f"dot_product_attention_fp8_{way}" for way in ("fwd", "bwd")), _CUDNN),
    **dict.fromkeys((f"dot_product_attention_fp8_{way}_wrapper" for way in ("fwd", "bwd")), _CUDNN),
    **dict.fromkeys(("random_gamma", "rng_uniform"), _STOCHASTIC),
    **dict.fromkeys(("bcoo_dot_general", "bcoo_dot_general_sampled"), _SPARSE),
    **dict.fromkeys(("bcoo_spdot_general", "bcsr_dot_general", "spsolve"), _SPARSE),
    **dict.fromkeys(("bcoo_extract", "bcoo_fromdense", "bcoo_sort_indices"), _SPARSE),
    **dict.fromkeys(("bcoo_sum_duplicates", "bcoo_todense", "bcoo_transpose"), _SPARSE),
    **dict.fromkeys(("bcsr_extract", "bcsr_fromdense", "bcsr_todense", "todense"), _SPARSE),
    **dict.fromkeys(("coo_fromdense", "coo_matmat", "coo_matvec", "coo_spmm"), _SPARSE),
    **dict.fromkeys(("coo_spmv", "coo_todense", "csr_fromdense", "csr_matmat"), _SPARSE),
    **dict.fromkeys(("csr_matvec", "csr_spmm", "csr_spmv", "csr_todense"), _SPARSE),
    **dict.fromkeys(KERNEL_INSTRUCTIONS.split(), _KERNEL),
    **dict.fromkeys(("accum_grad_in_ref", "new_box", "box_get", "box_set"), _EXPERIMENTAL),
    **dict.fromkeys(("new_log", "log_extend", "log_read"), _EXPERIMENTAL),
    **dict.fromkeys(
        ("global_array_to_host_local_array", "host_local_array_to_global_array"), _HOST
    ),
}
"""Primitives that have no count, and why."""

NO_RULE = "einlab has no counting rule for this primitive"
THUNK = "an instruction of a GPU program that runs beside XLA's own"


def counted(op: Operation) -> Counted:
    """The count of one operation; of kind "unknown", with a reason, where there is no rule.

    >>> import jax, jax.numpy as jnp
    >>> x = jax.ShapeDtypeStruct((2, 3), jnp.float32)
    >>> counted(Operation("add", {}, (x, x), (x,))).flops
    6
    >>> counted(Operation("pure_callback", {}, (x,), (x,))).reason
    'runs Python on the host, which no trace shows'
    """
    rule = RULES.get(op.name)
    if rule is not None:
        return rule(op)
    return Counted("unknown", reason=reason_for(op.name))


def reason_for(name: str) -> str:
    """Why a primitive without a rule has no count."""
    return THUNK if name.startswith("thunky.") else REASONS.get(name, NO_RULE)
