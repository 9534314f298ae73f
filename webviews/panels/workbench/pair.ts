/** A prompt and its counterpart, token by token: where they differ, and whether they are of one length. Pure. */

export interface AlignedPair {
  /** One column for each token: beyond the shorter one there is nothing. */
  readonly columns: readonly {
    readonly prompt: string | undefined;
    readonly counterpart: string | undefined;
    readonly differs: boolean;
  }[];
  readonly lengths: readonly [number, number];
  /** Place of the first difference, from 0; undefined: there is none. */
  readonly first: number | undefined;
  /** How many places differ. */
  readonly differing: number;
}

interface Read {
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
}

/** What is compared of a pair: of an encoder-decoder the sources, the targets or both, whichever differ. */
export interface PairPart {
  readonly what?: 'source' | 'target';
  readonly pair: AlignedPair;
}

export function pairParts(
  prompt: Read & { readonly source?: Read },
  counterpart: Read & { readonly source?: Read },
): readonly PairPart[] {
  const own = aligned(prompt, counterpart);
  if (!prompt.source || !counterpart.source) return [{ pair: own }];
  const sources: PairPart = { what: 'source', pair: aligned(prompt.source, counterpart.source) };
  const targets: PairPart = { what: 'target', pair: own };
  if (own.first === undefined) return [sources];
  return sources.pair.first === undefined ? [targets] : [sources, targets];
}

function aligned(prompt: Read, counterpart: Read): AlignedPair {
  const length = Math.max(prompt.ids.length, counterpart.ids.length);
  const columns = Array.from({ length }, (_, at) => ({
    prompt: prompt.tokens[at],
    counterpart: counterpart.tokens[at],
    differs: prompt.ids[at] !== counterpart.ids[at],
  }));
  const first = columns.findIndex(({ differs }) => differs);
  return {
    columns,
    lengths: [prompt.ids.length, counterpart.ids.length],
    first: first < 0 ? undefined : first,
    differing: columns.filter(({ differs }) => differs).length,
  };
}

const tokens = (count: number): string => `${count.toLocaleString('en-US')} ${count === 1 ? 'token' : 'tokens'}`;
const quoted = (token: string | undefined): string => (token === undefined ? 'nothing' : `“${token}”`);

/** One sentence or two. */
export function pairWords({
  what,
  pair: {
    columns,
    lengths: [a, b],
    first,
    differing,
  },
}: PairPart): string {
  const both = what === undefined ? 'Both' : `Both ${what}s`;
  if (first === undefined) return `${both} have ${tokens(a)} and are the same: change one thing in the counterpart.`;
  const { prompt, counterpart } = columns[first] ?? {};
  const where = `at token ${first + 1}, ${quoted(prompt)} against ${quoted(counterpart)}`;
  if (a === b) {
    const more = differing === 1 ? '' : `, and at ${differing - 1} more ${differing === 2 ? 'place' : 'places'}`;
    return `${both} have ${tokens(a)}. They differ ${where}${more}.`;
  }
  const [one, other] =
    what === undefined ? ['prompt', 'the counterpart'] : [`${what} of the prompt`, 'that of the counterpart'];
  return `The ${one} has ${tokens(a)} and ${other} ${b.toLocaleString('en-US')}: patching and circuits compare place by place, so both need as many. They first differ ${where}.`;
}
