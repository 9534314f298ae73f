import * as v from 'valibot';

/**
 * A family that a person describes in the `.headscope.json` of a workspace (docs/own-families.md): like one that is known here
 * with other names, or by a layout of its own. It is data; nothing of it is executed.
 */

const name = v.pipe(v.string(), v.minLength(1), v.maxLength(200));
const names = v.pipe(v.array(name), v.minLength(1), v.maxLength(8));
const value = v.union([v.string(), v.number(), v.boolean(), v.null()]);

const layoutSchema = v.strictObject({
  root: v.optional(v.pipe(v.string(), v.maxLength(200))),
  embedding: v.optional(name),
  /** The table of learned positions. */
  positions: v.optional(name),
  layer: v.optional(v.pipe(name, v.includes('{layer}'))),
  attention: v.optional(
    v.strictObject({
      prefix: v.optional(v.pipe(v.string(), v.maxLength(200))),
      projections: v.optional(v.union([v.tuple([name]), v.tuple([name, name, name])])),
      output: v.optional(name),
      inputBias: v.optional(v.boolean()),
      outputBias: v.optional(v.boolean()),
      norm: v.optional(v.picklist(['head', 'all', 'stacked', 'each'])),
      normNames: v.optional(v.tuple([name, name])),
      transposed: v.optional(v.boolean()),
      sinks: v.optional(v.boolean()),
    }),
  ),
  mlp: v.optional(
    v.strictObject({
      prefix: v.optional(v.pipe(v.string(), v.maxLength(200))),
      inputs: v.optional(names),
      fused: v.optional(v.boolean()),
      output: v.optional(name),
      bias: v.optional(v.boolean()),
    }),
  ),
  experts: v.optional(
    v.strictObject({
      prefix: v.pipe(v.string(), v.maxLength(200)),
      router: name,
      routerBias: v.optional(name),
      projections: v.tuple([name, name, name]),
      shared: v.optional(name),
      sharedGate: v.optional(name),
    }),
  ),
  norms: v.optional(v.pipe(v.array(name), v.maxLength(8))),
  normBias: v.optional(v.boolean()),
  finalNorm: v.optional(name),
  head: v.optional(name),
  headBias: v.optional(v.boolean()),
});

export const ownFamilySchema = v.strictObject({
  modelType: v.pipe(name, v.description('The model_type in the configs.')),
  title: v.optional(name),
  like: v.optional(
    v.pipe(name, v.description('The model_type of a known family: its defaults, its reading and its tensors.')),
  ),
  keys: v.optional(
    v.pipe(v.record(name, name), v.description('The usual name of a size, and the key that the configs write.')),
  ),
  defaults: v.optional(
    v.pipe(v.record(name, value), v.description('Values where a config has none, by the usual names.')),
  ),
  /** With `like`: the beginning of a tensor's name in that family -> what it is in the checkpoints. The longest counts. */
  tensors: v.optional(v.record(v.pipe(v.string(), v.maxLength(200)), v.pipe(v.string(), v.maxLength(200)))),
  /** Without `like`. */
  role: v.optional(v.picklist(['decoder', 'encoder'])),
  positions: v.optional(v.picklist(['rope', 'learned', 'sinusoidal', 'alibi', 'relative', 'none'])),
  norm: v.optional(v.picklist(['rms', 'layer'])),
  gated: v.optional(v.boolean()),
  tied: v.optional(v.boolean()),
  /** Without `like`: what the tensors are called; what is left out is as in Llama. Absent: they are not known. */
  layout: v.optional(layoutSchema),
});

export type OwnFamily = v.InferOutput<typeof ownFamilySchema>;
