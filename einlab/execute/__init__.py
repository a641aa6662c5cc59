"""Plans on arrays: the only part of einlab's spine that touches JAX.

Where everything lives, from a call down to the words that native code runs:

- a call: `arrays` (operands made ready), `primitive` (JAX's view of a contraction, with its
  derivatives and lowerings), `jax_compat` (what differs between versions of JAX);
- the form that keeps a compile budget: `dispatch`, then `lowering` with `products` (one program),
  `several` (several programs), `taped` (native code or tapes), `together` (small subtrees);
- limits of memory: `executable` and `programs` (held to the limit once compiled), `slicing` and
  `gradients` (loops of XLA's), `native_loops` (one native call) with `nesting`, `fitting`,
  `doubling` and `nest_words`;
- programs of small products: `tape_program` (and their derivatives), `tape_steps` (from a plan's
  steps), `summing`, `native_steps`, `tape_words` and `arena` (for native code);
- tapes elsewhere: `tape`, `tape_index`, `tape_kinds`, `tape_patterns`, `tape_schedule`, `packing`;
- `tuning`: plans run beside each other.
"""
