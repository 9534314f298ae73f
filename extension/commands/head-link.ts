/** What a link names beside a model: `{ "layer": 2, "head": 5, "prompt": "…" }`, each part optional. Pure. */
import { isTable, isText, isWhole } from '../results/checks';

export interface HeadLink {
  readonly select?: { readonly layer: number; readonly head: number };
  readonly prompt?: string;
}

export function headLinkOf(value: unknown): HeadLink {
  if (!isTable(value)) return {};
  const { layer, head, prompt } = value;
  return {
    ...(isWhole(layer) && isWhole(head) ? { select: { layer, head } } : {}),
    ...(isText(prompt) ? { prompt } : {}),
  };
}
