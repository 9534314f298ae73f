import type { ImageSection } from '../../../protocol/sections/image';
import { significant } from '../../ui/numbers';
import { remembered } from '../remembered';
import { chosenNumber, twinColumn, type PictureKind, type TwinRow } from '../section-kind';
import { imagePicture, patchesOf } from './image-picture';

const picture = remembered(imagePicture);

export const imageKind: PictureKind<ImageSection> = {
  drawn: 'picture',
  numbers: ({ numbers }) => numbers,
  isEmpty: ({ image, numbers }) => numbers.length === 0 || patchesOf(image.tiles).length === 0,
  picture: (section, view, loaded) =>
    picture(section, chosenNumber(section.numbers, view), loaded.get(section.image.path)),
  place: (_section, cursor) => ({ kind: 'token', token: Number(cursor) }),
  twin: ({ image, numbers, classes }) => ({
    columns: [
      twinColumn(0, 'image_token', 'Image token', { text: String }),
      twinColumn(1, 'tile', 'Tile', { text: String, hint: '0 is the whole picture.' }),
      twinColumn(2, 'row', 'Row', { text: String }),
      twinColumn(3, 'column', 'Column', { text: String }),
      ...numbers.map(({ name, title, unit, definition }, at) =>
        twinColumn(4 + at, name, title, { unit, hint: definition, text: (value) => significant(value) }),
      ),
      ...(classes ? [twinColumn(4 + numbers.length, 'class', 'Class')] : []),
    ],
    rows: patchesOf(image.tiles).map(({ token, tile, row, column }): TwinRow => [
      token,
      tile,
      row,
      column,
      ...numbers.map(({ values }) => values[token]),
      ...(classes ? [classes.names[classes.of[token] ?? -1] ?? ''] : []),
    ]),
  }),
};
