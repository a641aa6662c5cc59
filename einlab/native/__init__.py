"""Contractions on a CPU by compiled code of our own, called from within XLA's programs.

Where everything lives, from a program of steps down to instructions:

- what runs: `words` (programs of steps and loops), `borders` (which kernel a step is left to),
  `interleaving` (the order of a product's axes), `sizing` (the blocks and pieces of a product),
  `scratch` (what they take), `preparing` (how a strided step runs), `measures` (all of a program,
  in a given room);
- XLA's side: `calling` (a program as a call), `frame` (what XLA hands over), `executor` (the
  interpreter, and its threads), `pages` (large pages for results), `kernels` (what it calls);
- products: `product` (the loops), `blocks` and `tables` (offsets), `packing` with
  `transposing`, `tiles`, `microkernel` and `batched` (vectors along the batch); `named_kernels`
  compiles these once for each dtype;
- all else: `strided`, with `rows` and `squares`;
- instructions: `vectors` (arithmetic) and `compiled` (memory, calls, counters, decorators);
- code on the disk: `keeping` (where), `building` (when), `objects` and `symbols` (how it is found).
"""
