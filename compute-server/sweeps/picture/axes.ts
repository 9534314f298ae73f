/** The settings in which cells of a sweep differ. */
import { basename } from 'node:path';
import type { SweepValue } from '../../../protocol/sweeps/sweep-file';
import type { CellStatus, SweepStatus } from '../../../protocol/sweeps/sweep-status';

/** A setting in which cells differ, with all its values. */
export interface Axis {
  readonly name: string;
  readonly values: readonly SweepValue[];
  readonly ids: readonly string[];
  readonly labels: readonly string[];
  /** The place of a value by its JSON. */
  readonly places: ReadonlyMap<string, number>;
}

export function axesOf({ axes, cells }: SweepStatus): readonly Axis[] {
  return axes.map((name): Axis => {
    const places = new Map<string, number>();
    const values: SweepValue[] = [];
    for (const { settings } of cells) {
      const value = settings[name];
      if (value === undefined) continue;
      const id = JSON.stringify(value);
      if (places.has(id)) continue;
      places.set(id, values.length);
      values.push(value);
    }
    return { name, values, ids: [...places.keys()], labels: labelsOf(values), places };
  });
}

/** Paths are shown by their last part, where that is enough to tell them apart. */
function labelsOf(values: readonly SweepValue[]): readonly string[] {
  const whole = values.map((value) => (typeof value === 'object' ? value.join(', ') : String(value)));
  const short = whole.map((text) => (/[\\/]/u.test(text) ? basename(text.replaceAll('\\', '/')) : text));
  return new Set(short).size === whole.length ? short : whole;
}

/** The place of a cell along an axis; undefined where it does not have it. */
export function placeOn(axis: Axis, { settings }: Pick<CellStatus, 'settings'>): number | undefined {
  const value = settings[axis.name];
  return value === undefined ? undefined : axis.places.get(JSON.stringify(value));
}
