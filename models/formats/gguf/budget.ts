/**
 * What the headers of one model may hold in all. A split model has up to 512 of them, and a limit for each alone would let a
 * folder of small files ask for 512 times as much as any model needs.
 */

export interface GgufLimits {
  /** Read from the disk. The largest vocabularies, with merges and scores, take 20 MB; a whole tokenizer.json may lie beside them. */
  readonly bytes: number;
  /** Keys of the metadata. */
  readonly values: number;
  /** Experts lie in one tensor: the largest models have some two thousand. */
  readonly tensors: number;
  /** Lists, also those inside of others. */
  readonly lists: number;
  /** Numbers and bytes of text that are kept; what comes after them is counted only. */
  readonly kept: number;
  /** Wall time in seconds, for a disk or a network that hardly answers: the headers of 512 parts take less than one. */
  readonly seconds: number;
}

const usualLimits: GgufLimits = {
  bytes: 128_000_000,
  values: 65_536,
  tensors: 262_144,
  lists: 65_536,
  kept: 8_000_000,
  seconds: 60,
};

type Counted = 'bytes' | 'values' | 'tensors' | 'lists';

const nouns: Readonly<Record<Counted, string>> = {
  bytes: 'bytes of header',
  values: 'keys of metadata',
  tensors: 'tensors',
  lists: 'lists of metadata',
};

/** Thrown inside the reader when a model asks for more than any has. The message is a clause about the file. */
export class BudgetSpent extends Error {}

export class GgufBudget {
  readonly limits: GgufLimits;
  private readonly used = { bytes: 0, values: 0, tensors: 0, lists: 0, kept: 0 };
  private readonly started: number;

  constructor(
    limits: Partial<GgufLimits> = {},
    /** Milliseconds. */
    private readonly now: () => number = () => performance.now(),
  ) {
    this.limits = { ...usualLimits, ...limits };
    this.started = now();
  }

  /** Books what is about to be read. */
  take(what: Counted, amount: number): void {
    const { [what]: most, seconds } = this.limits;
    if (this.used[what] + amount > most) {
      throw new BudgetSpent(`it has more than ${most} ${nouns[what]}, which no model has in all its parts`);
    }
    this.used[what] += amount;
    if (this.now() - this.started > 1000 * seconds) {
      throw new BudgetSpent(`${seconds} s have passed, and its header is not read to the end`);
    }
  }

  /** Books so much of a value; false where no more of it is kept. */
  keeps(amount: number): boolean {
    if (this.used.kept + amount > this.limits.kept) return false;
    this.used.kept += amount;
    return true;
  }
}
