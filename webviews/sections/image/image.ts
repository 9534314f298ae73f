import { html, nothing, type TemplateResult } from 'lit';
import type { ImageSection } from '../../../protocol/sections/image';
import { dropdown } from '../../ui/controls';
import { significant } from '../../ui/numbers';
import { slider } from '../../ui/text-area';
import { logChoice } from '../log-colours';
import { remembered } from '../remembered';
import { chosenNumber, twinColumn, type PictureKind, type SectionPart, type TwinRow } from '../section-kind';
import { imagePicture, usualOpacity } from './image-picture';
import { levelsOf, patchesOf } from '../../../protocol/sections/patches';
import { levelName } from './patches';

const picture = remembered(imagePicture);

export const imageKind: PictureKind<ImageSection> = {
  drawn: 'picture',
  numbers: ({ numbers }) => numbers,
  isEmpty: ({ image }) => patchesOf(image.tiles).length === 0,
  picture: (section, view, loaded) =>
    picture(
      section,
      chosenNumber(section.numbers, view),
      loaded.get(section.image.sha256),
      view.opacity,
      view.level,
      view.log,
    ),
  controls,
  place: (_section, cursor) => ({ kind: 'token', token: Number(cursor) }),
  cursorOf: ([token]) => String(token),
  twin: ({ image, numbers, classes, apart }) => {
    const hatched = new Set(apart?.tokens);
    const after = 4 + numbers.length;
    const classColumns = classes ? [twinColumn(after, 'class', 'Class')] : [];
    return {
      columns: [
        twinColumn(0, 'image_token', 'Image token', { text: String }),
        twinColumn(1, 'tile', 'Tile', {
          text: String,
          ...(levelsOf(image.tiles).length > 1 ? { hint: '0 is the whole picture.' } : {}),
        }),
        twinColumn(2, 'row', 'Row', { text: String }),
        twinColumn(3, 'column', 'Column', { text: String }),
        ...numbers.map(({ name, title, unit, definition }, at) =>
          twinColumn(4 + at, name, title, { unit, hint: definition, text: (value) => significant(value) }),
        ),
        ...classColumns,
        ...(apart ? [twinColumn(after + classColumns.length, 'left_out', 'Left out', { hint: apart.definition })] : []),
      ],
      rows: patchesOf(image.tiles).map(({ token, tile, row, column }): TwinRow => [
        token,
        tile,
        row,
        column,
        ...numbers.map(({ values }) => values[token]),
        ...(classes ? [classes.names[classes.of[token] ?? -1] ?? ''] : []),
        ...(apart ? [hatched.has(token) ? apart.title : ''] : []),
      ]),
    };
  },
};

function controls({ section, view, loaded, actions }: SectionPart<ImageSection>): TemplateResult {
  const { image, numbers } = section;
  const levels = levelsOf(image.tiles);
  const number = chosenNumber(numbers, view);
  const opacity = view.opacity ?? usualOpacity;
  const words =
    opacity === 0 ? 'the picture alone' : opacity === 1 ? 'the values alone' : `${Math.round(100 * opacity)} %`;
  return html`<div class="image-controls">
    ${
      numbers.length > 0 && loaded.has(image.sha256)
        ? html`<span class="image-opacity"
            ><span>Values</span> ${slider({
              label: 'Opacity of the values over the picture',
              value: Math.round(100 * opacity),
              min: 0,
              max: 100,
              step: 5,
              valueText: words,
              hint: 'At the left end the picture alone, at the right end the values alone',
              onInput: (value) => actions.view({ opacity: value / 100 }),
            })}<output>${words}</output></span
          >`
        : nothing
    }
    ${
      levels.length > 1
        ? dropdown({
            label: 'Level of the tiles',
            choices: [
              { value: '', label: 'All levels' },
              ...levels.map((level, at) => ({ value: String(at), label: levelName(image.tiles, level) })),
            ],
            value: view.level === undefined ? '' : String(view.level),
            onChange: (value) => actions.view({ level: value === '' ? undefined : Number(value) }),
          })
        : nothing
    }
    ${number ? logChoice(number.scale, number.values, view, actions) : nothing}
  </div>`;
}
