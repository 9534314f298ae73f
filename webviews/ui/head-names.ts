/** How a head is written, read and distinguished on every panel. */
import type { HeadPlace } from '../../protocol/schema/written-form';

export const headKey = (layer: number, head: number): string => `${layer}.${head}`;
export const headName = (layer: number, head: number): string => `L${layer}H${head}`;

/** `L5H3`, `l5 h3`, `5.3`, `layer 5 head 3`; undefined when it names no head. */
export function parseHead(text: string): HeadPlace | undefined {
  const found = /^\s*(?:l|layer)?\s*(\d+)\s*(?:[.,:/]|\s|h|head)+\s*(\d+)\s*$/i.exec(text);
  return found ? { layer: Number(found[1]), head: Number(found[2]) } : undefined;
}
