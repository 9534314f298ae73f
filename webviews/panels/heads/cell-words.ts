/** One cell of a head's matrix in words: the query, the key and what of its probability is known. */
import { topLevel } from '../../charts/tiles';
import { count, significant } from '../../ui/numbers';
import { quotedToken } from '../../../protocol/wire/token-name';
import type { CellPlace } from './matrix-place';
import { lookUp, type TileSource } from './tile-source';

export function cellWords(source: TileSource, { query, key }: CellPlace, tokens: readonly string[]): string {
  if (source.causal && key > query) return `query ${query} does not read the later key ${key}`;
  const found = lookUp(source, query, key, 0, topLevel(source.length));
  const pair = `query ${count(query)} ${quotedToken(tokens[query] ?? '')} → key ${count(key)} ${quotedToken(tokens[key] ?? '')}`;
  if (!found) return `${pair} · not computed yet`;
  return found.block === 1
    ? `${pair}: ${significant(found.value)}`
    : `${pair}: at most ${significant(found.value)} (largest of ${found.block} x ${found.block} cells; zoom in for the exact value)`;
}
