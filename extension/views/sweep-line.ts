/** The row of a cell of a sweep that has a result. */
import { basename } from 'node:path';
import { fieldsIn } from '../../protocol/schema/fields';
import type { TreeLine } from './tree-line';

/** The values that tell the cell from others, then the first sentence of its result. */
export function cellLine(result: Readonly<Record<string, unknown>>): TreeLine {
  const { sweep, finding } = result;
  const settings = Object.entries(fieldsIn(fieldsIn(sweep)['settings']));
  if (sweep === undefined)
    return {
      label: 'A result that cannot be read',
      icon: 'warning',
      tooltip: ['It is incomplete, or of another program.'],
    };
  const values = settings.map(([name, value]) => `${name} ${shown(value)}`);
  const said = typeof finding === 'string' ? finding : '';
  return {
    label: values.length === 0 ? 'The only cell' : values.join(' · '),
    ...(said === '' ? {} : { description: said }),
    tooltip: [...settings.map(([name, value]) => `${name}: ${String(value)}`), ...(said === '' ? [] : [said])],
    icon: 'pass',
  };
}

function shown(value: unknown): string {
  const text = Array.isArray(value) ? value.join(', ') : String(value);
  return /[\\/]/u.test(text) ? basename(text.replaceAll('\\', '/')) : text;
}
