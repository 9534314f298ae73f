import type { MapSection } from '../../../protocol/sections/map';
import { significant } from '../../ui/numbers';
import { parseGridKey } from '../grid-keys';
import { logChoice } from '../log-colours';
import { remembered } from '../remembered';
import { twinColumn, type PictureKind, type TwinRow } from '../section-kind';
import { labelText } from '../matrix/matrix-labels';
import { mapPicture, widest } from './map-picture';

const picture = remembered(mapPicture);

export const mapKind: PictureKind<MapSection> = {
  drawn: 'picture',
  isEmpty: (section) => section.values.length === 0 || widest(section) === 0,
  picture: (section, { log }) => picture(section, log),
  controls: ({ section, view, actions }) => logChoice(section.scale, section.values.flat(), view, actions),
  place: ({ values }, cursor) => {
    const at = parseGridKey(cursor);
    return at && values[at.row]?.[at.column] !== undefined ? { kind: 'cell', ...at } : undefined;
  },
  twin: ({ title, unit, definition, rows, columns, values }) => {
    const whole = (value: number): string => String(value);
    const all: TwinRow[] = values.flatMap((of, row) =>
      of.map((value, column): TwinRow => [
        row,
        labelText(rows, rows.labels[row] ?? ''),
        column,
        labelText(columns, columns.labels[column] ?? ''),
        value,
      ]),
    );
    return {
      columns: [
        twinColumn(0, 'row', rows.title, { text: whole }),
        twinColumn(1, 'row_label', `${rows.title}: label`),
        twinColumn(2, 'column', columns.title, { text: whole }),
        twinColumn(3, 'column_label', `${columns.title}: label`),
        twinColumn(4, 'value', title, { unit, hint: definition, text: (value) => significant(value) }),
      ],
      rows: all,
    };
  },
};
