/** Options that name keys of the prompt: `--bias` on their scores, `--group` to measure their mass. */
import type { Command } from 'commander';
import { largestBias, type KeyBias, type NamedKeys } from '../../protocol/compute/models';
import { wrongUsage } from './exit-codes';
import { collect, decimal } from './options';

export interface BiasOptions {
  readonly bias?: readonly string[];
}

export interface GroupOptions {
  readonly group?: readonly string[];
}

export const addBiasOption = (command: Command): Command =>
  command.option(
    '--bias <L.H:FROM-TO=b>',
    'added to the scores of layer L head H on the keys FROM to TO, both counted, e.g. 2.5:3-9=-4; may be given several times',
    collect,
  );

export const addGroupOption = (command: Command): Command =>
  command.option(
    '--group <name=FROM-TO>',
    'measure the mass on the keys FROM to TO, both counted, e.g. name=3-9; may be given several times',
    collect,
  );

/** `2.5:3-9=-4`: layer 2, head 5, keys 3 to 9. */
export function parseBias(text: string): KeyBias {
  const parts = /^\s*L?(\d+)[.H](\d+)\s*:([^=]*)=(.*)$/i.exec(text);
  const keys = keysOf(parts?.[3] ?? '');
  const bias = decimal(parts?.[4] ?? '');
  if (!parts || !keys || Number.isNaN(bias)) {
    throw wrongUsage(`"${text}" is no bias. Write layer.head:from-to=number, e.g. 2.5:3-9=-4 for the keys 3 to 9.`);
  }
  if (Math.abs(bias) > largestBias) {
    throw wrongUsage(`"${text}" is no bias. Its number lies from -${largestBias} to ${largestBias}.`);
  }
  return { layer: Number(parts[1]), head: Number(parts[2]), ...keys, bias };
}

export const biasesFrom = ({ bias = [] }: BiasOptions): readonly KeyBias[] => bias.map(parseBias);

export const groupsFrom = ({ group = [] }: GroupOptions): readonly NamedKeys[] =>
  group.map((text) => {
    const parts = /^\s*([^=]*[^=\s])\s*=(.*)$/.exec(text);
    const keys = keysOf(parts?.[2] ?? '');
    if (!parts || !keys) {
      throw wrongUsage(`"${text}" is no group of keys. Write name=from-to, e.g. needle=3-9 for the keys 3 to 9.`);
    }
    const { start, end } = keys;
    return { name: parts[1] ?? '', positions: Array.from({ length: end - start }, (_, at) => start + at) };
  });

/** `3-9` or `3` as [start, end). */
function keysOf(text: string): { readonly start: number; readonly end: number } | undefined {
  const parts = /^\s*(\d{1,7})(?:\s*-\s*(\d{1,7}))?\s*$/.exec(text);
  const [start, last] = [Number(parts?.[1]), Number(parts?.[2] ?? parts?.[1])];
  return !parts || last < start ? undefined : { start, end: last + 1 };
}
