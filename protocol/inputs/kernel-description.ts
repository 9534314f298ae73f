/**
 * The description of an ONNX file as a kernel (`*.headscope-kernel.json`): what its inputs are, how they lie, and which mechanism of the
 * catalogue it must equal.
 */
import type { Output } from '../schema/check';
import { count, filledText, flag, list, object, oneOf, optional, record, said } from '../schema/fields';
import { headOf, parameterValues } from '../schema/parts';

const kernelLayouts = ['batch heads tokens width', 'batch tokens heads width', 'batch tokens width'] as const;

const patterns = ['noncausal-self', 'causal-self', 'noncausal-cross', 'causal-cross'] as const;

const inputs = object({
  query: said(filledText, 'The input that takes queries.'),
  key: said(filledText, 'The input that takes keys.'),
  value: said(filledText, 'The input that takes values.'),
  mask: optional(
    said(
      filledText,
      'The input that takes the mask of the mechanism: true (or 0) where a query reads a key, false (or a large negative number) elsewhere.',
    ),
  ),
  weights: optional(said(record(filledText), 'Inputs that take learned weights, by their names in the mechanism.')),
});

export const kernelDescription = object({
  ...headOf('headscope-kernel', 'kernel description'),
  title: optional(said(filledText, 'What it is called in tables. By default, the name of the file.')),
  model: said(filledText, 'The .onnx file, beside this one, with its weights inside.'),
  inputs: said(inputs, 'Names of the inputs in the graph.'),
  output: optional(said(filledText, 'The name of the output. By default, the only one.')),
  layout: said(
    oneOf(kernelLayouts),
    'Axes of queries, keys, values and the output. "batch tokens width" has all heads side by side.',
  ),
  heads: optional(said(count, 'Query heads, where the graph takes no other number. Needed for "batch tokens width".')),
  kvHeads: optional(said(count, 'Key and value heads. By default, as many as heads.')),
  patterns: said(
    list(oneOf(patterns), 'a list of patterns', { least: 1, most: patterns.length }),
    'Patterns that the graph computes.',
  ),
  equalLengths: optional(said(flag, 'The graph needs as many queries as keys. By default, false.')),
  reference: said(
    object({
      mechanism: said(filledText, 'The id of a mechanism of the catalogue, as "headscope mechanisms" lists it.'),
      parameters: optional(said(parameterValues, 'Its parameters. Defaults stand for those left out.')),
    }),
    'What the graph must equal, within what rounding explains.',
  ),
});
export type KernelDescription = Output<typeof kernelDescription>;
