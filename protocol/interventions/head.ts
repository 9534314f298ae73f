import { headReplacement, type HeadReplacement } from './replacement';

export type HeadOutput = HeadReplacement<'head'>;

export const head = headReplacement('head', {
  name: 'replaced head output',
  what: 'output',
  meaning:
    "Replaces a head's output before the output projection (ablation by zero or mean, patching from another prompt). Gains do not act on it.",
  heads: 'a query head',
});
