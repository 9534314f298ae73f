/** What the panel says of a sweep. Pure. */
import type { CellState } from '../../../protocol/sweeps/sweep-status';
import type { GridTile, ShownCell, SweepPicture } from '../../../protocol/sweeps/sweep-picture';
import { timeInWords } from '../../../protocol/wire/quantities';
import type { IconName } from '../../ui/icons';
import { count } from '../../ui/numbers';

/** The sign of a state, and what it means. */
export const stateSigns: Readonly<Record<CellState, { readonly icon: IconName; readonly meaning: string }>> = {
  done: { icon: 'check', meaning: 'has a result' },
  failed: { icon: 'error', meaning: 'ended with an error, or its process died too often' },
  running: { icon: 'play', meaning: 'runs now' },
  waiting: { icon: 'clock', meaning: 'is submitted and waits for its turn' },
  open: { icon: 'circle-large-outline', meaning: 'is not submitted' },
  cancelled: { icon: 'circle-slash', meaning: 'was cancelled' },
};

/** The order in which a person should look at cells. */
export const stateOrder: readonly CellState[] = ['failed', 'running', 'waiting', 'cancelled', 'open', 'done'];

const cells = (number: number): string => `${count(number)} ${number === 1 ? 'cell' : 'cells'}`;

/** Cells without a result. */
export const leftOf = ({ total, states }: Pick<SweepPicture, 'total' | 'states'>): number => total - states.done;

type Counted = Pick<SweepPicture, 'total' | 'states' | 'active'> & { readonly secondsLeft?: number | undefined };

export function finding({ total, states, active, secondsLeft }: Counted): string {
  const { done, failed, running, cancelled } = states;
  const left = secondsLeft === undefined ? '' : ` About ${timeInWords(secondsLeft)} left.`;
  const failures = failed === 0 ? [] : [`${count(failed)} failed`];
  if (active) {
    const parts = [`${count(running)} running`, ...failures];
    return `${count(done)} of ${cells(total)} done, ${parts.join(', ')}.${left}`;
  }
  if (done === total) return total === 1 ? 'The cell is done.' : `All ${cells(total)} are done.`;
  if (done + failed + cancelled === 0)
    return total === 1 ? 'The cell has not run yet.' : `None of the ${cells(total)} has run yet.`;
  const open = total - done - failed - cancelled;
  const parts = [
    ...failures,
    ...(cancelled === 0 ? [] : [`${count(cancelled)} cancelled`]),
    ...(open === 0 ? [] : [`${count(open)} not run`]),
  ];
  return `${count(done)} of ${cells(total)} done, ${parts.join(', ')}.`;
}

/** The state that stands for all cells of a place: the one that a person should look at first. */
export const stateOf = ({ states }: GridTile): CellState =>
  stateOrder.find((state) => (states[state] ?? 0) > 0) ?? 'open';

/** `done`, or `3 cells: 1 failed, 2 done`. */
export function tileInWords(tile: GridTile): string {
  if (tile.cells === 1) return stateOf(tile);
  const counts = stateOrder.flatMap((state) => {
    const number = tile.states[state] ?? 0;
    return number === 0 ? [] : [`${count(number)} ${state}`];
  });
  return `${cells(tile.cells)}: ${counts.join(', ')}`;
}

/** `task induction · seed 0` */
export const nameOfCell = ({ labels, cell }: ShownCell, axes: SweepPicture['axes']): string => {
  const parts = axes.flatMap(({ name }, at) => (labels[at] === '' ? [] : [`${name} ${labels[at]}`]));
  return parts.length === 0 ? `Cell ${cell + 1}` : parts.join(' · ');
};
