/** The work of the cells of a sweep before they run, from estimates of some of them. */
import { mean } from '../../kernels/tensors/vectors';
import type { Cell, Cells } from '../../protocol/sweeps/cells';

/** What is known of a cell before it runs. */
export interface CellEstimate {
  /** Seconds on this machine. They only say how the work of cells compares. Absent: not known. */
  readonly seconds?: number;
  /** Why it can never run within `resources.memory`, as a sentence with a next step. */
  readonly neverFits?: string;
  /** Why it will fail wherever it runs, as a sentence. */
  readonly refused?: string;
}

export type EstimateOfCell = (cell: Cell) => Promise<CellEstimate>;

export interface CellWork {
  /** In any unit, above 0. Cells of which nothing is known count as the mean of those of their model, else of all. */
  readonly workOf: (number: number) => number;
  readonly neverFits: readonly string[];
  readonly refused: readonly string[];
}

/** The most cells that are estimated: the others count as the mean. */
const mostAsked = 200;
/** Milliseconds after which only models that were not looked at yet are asked about. */
const longestMs = 20_000;

const modelOf = ({ settings }: Cell): string => JSON.stringify(settings['model'] ?? '');

/** `numbers`: cells that are left to run. Cells that differ by their seed alone are estimated once. */
export async function cellWork(cells: Cells, numbers: Iterable<number>, estimate: EstimateOfCell): Promise<CellWork> {
  const cellOfPlace = new Map<number, number>();
  for (const number of numbers) {
    const place = cells.placeOf(number);
    if (!cellOfPlace.has(place)) cellOfPlace.set(place, number);
  }
  const seconds = new Map<number, number>();
  const ofModel = new Map<string, number[]>();
  const neverFits = new Set<string>();
  const refused = new Set<string>();
  const began = performance.now();
  const step = Math.ceil(cellOfPlace.size / mostAsked);
  let at = 0;
  for (const [place, number] of cellOfPlace) {
    const cell = cells.at(number);
    const inSample = at++ % step === 0 && performance.now() - began < longestMs;
    if (!cell || (!inSample && ofModel.has(modelOf(cell)))) continue;
    const known = await estimate(cell);
    const own = ofModel.get(modelOf(cell)) ?? [];
    ofModel.set(modelOf(cell), own);
    if (known.seconds !== undefined && known.seconds > 0) {
      seconds.set(place, known.seconds);
      own.push(known.seconds);
    }
    if (known.neverFits !== undefined) neverFits.add(known.neverFits);
    if (known.refused !== undefined) refused.add(known.refused);
  }
  const usual = meanOf([...seconds.values()]) ?? 1;
  const means = new Map([...ofModel].map(([model, some]) => [model, meanOf(some) ?? usual]));
  const workOf = (number: number): number => {
    const known = seconds.get(cells.placeOf(number));
    const cell = known === undefined && means.size > 1 ? cells.at(number) : undefined;
    return known ?? (cell && means.get(modelOf(cell))) ?? usual;
  };
  return { workOf, neverFits: [...neverFits], refused: [...refused] };
}

const meanOf = (values: readonly number[]): number | undefined => (values.length === 0 ? undefined : mean(values));
