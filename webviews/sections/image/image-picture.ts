/**
 * Values over a picture: a colour for each patch, and the frame and letters of its class. The whole picture is one sheet; where the model cut the picture into tiles as
 * well, these lie together on a second sheet.
 */
import type { ImageTile } from '../../../protocol/schema/parts';
import type { ImageSection } from '../../../protocol/sections/image';
import { css } from '../../charts/colour-map';
import { colourOf, identify, type Identity } from '../../charts/palette';
import { textWidth } from '../../charts/text-width';
import type { Theme } from '../../ui/theme';
import { colourAt, domainOf } from '../colours';
import { classItem, flow, noValueItem, scaleItem, smallSize, textMark, wordsItem } from '../legend';
import type { Drawn, Picture } from '../picture';
import { moved, type Box, type LoadedPicture, type Mark } from '../scene';
import { shortened, valueWords } from '../words';
import { outlineMarks } from './outlines';

export type PatchNumber = ImageSection['numbers'][number];

interface Patch {
  readonly token: number;
  readonly tile: number;
  readonly row: number;
  readonly column: number;
}

/** Image tokens that show a part of the picture (newline tokens show none). */
export const patchesOf = (tiles: readonly ImageTile[]): readonly Patch[] =>
  tiles.flatMap(({ rows, columns, first, stride }, tile) =>
    Array.from({ length: rows * columns }, (_, at) => {
      const [row, column] = [Math.floor(at / columns), at % columns];
      return { token: first + row * stride + column, tile, row, column };
    }),
  );

const partOf = ({ x, y, width, height, rows, columns }: ImageTile, { row, column }: Patch): Box => ({
  x: x + (column * width) / columns,
  y: y + (row * height) / rows,
  width: width / columns,
  height: height / rows,
});

export function imagePicture(
  section: ImageSection,
  number: PatchNumber | undefined,
  loaded: LoadedPicture | undefined,
): Picture {
  const { tiles, name } = section.image;
  const patches = patchesOf(tiles);
  const byToken = new Map(patches.map((patch) => [String(patch.token), patch]));
  return {
    label: `${section.title}: ${number?.title ?? 'no number'} over ${patches.length} patches of ${name}. Arrow keys walk, Enter asks, Escape leaves.`,
    draw: (width, theme) => drawImage(section, number, patches, byToken, loaded, width, theme),
    first: () => (patches[0] ? String(patches[0].token) : undefined),
    move: (cursor, key) => {
      const at = byToken.get(cursor);
      const tile = at && tiles[at.tile];
      return at && tile ? moveInTiles(patches, at, key) : undefined;
    },
    words: (cursor) => {
      const at = byToken.get(cursor);
      if (!at || !number) return undefined;
      const where = tiles.length > 1 ? (at.tile === 0 ? ' of the whole picture' : ` of tile ${at.tile}`) : '';
      return {
        title: `row ${at.row}, column ${at.column}${where} (image token ${at.token})`,
        value: [
          `${number.title} ${valueWords(number.values[at.token] ?? Number.NaN, number.unit, number.scale.kind === 'diverging')}`,
          ...classNameOf(section, at.token),
        ].join(', '),
        definition: number.definition,
      };
    },
  };
}

const classNameOf = ({ classes }: ImageSection, token: number): readonly string[] => {
  const name = classes?.names[classes.of[token] ?? -1];
  return name === undefined ? [] : [name];
};

function identitiesOf({ classes }: ImageSection): readonly Identity[] {
  const identities = identify((classes?.names ?? []).map((name) => ({ id: name, title: name })));
  return (classes?.names ?? []).flatMap((name) => identities.get(name) ?? []);
}

/** A frame inside the patch, and the letters of the class where they have room: not by colour alone. */
function classMarks({ x, y, width, height }: Box, identity: Identity, theme: Theme): readonly Mark[] {
  const colour = colourOf(identity, theme.dark);
  const size = smallSize(theme);
  const room = width >= textWidth(identity.code, size, { font: theme.font }) + 4 && height >= size + 2;
  return [
    { kind: 'rect', x: x + 1, y: y + 1, width: width - 2, height: height - 2, stroke: colour, lineWidth: 2 },
    ...(room
      ? [
          textMark(identity.code, x + width / 2, y + height / 2 + size / 3, theme, {
            fill: theme.foreground,
            halo: theme.background,
            anchor: 'middle',
            weight: 600,
          }),
        ]
      : []),
  ];
}

/** Inside a tile by its grid; the page keys go to the tile before and after. */
export function moveInTiles(patches: readonly Patch[], at: Patch, key: string): string | undefined {
  const to = (tile: number, row: number, column: number): string | undefined => {
    const found = patches.find((one) => one.tile === tile && one.row === row && one.column === column);
    return found && String(found.token);
  };
  const lastColumn = patches.reduce((most, one) => (one.tile === at.tile ? Math.max(most, one.column) : most), 0);
  const { tile, row, column } = at;
  const moves: Readonly<Record<string, readonly [number, number, number]>> = {
    ArrowLeft: [tile, row, column - 1],
    ArrowRight: [tile, row, column + 1],
    ArrowUp: [tile, row - 1, column],
    ArrowDown: [tile, row + 1, column],
    Home: [tile, row, 0],
    End: [tile, row, lastColumn],
    PageUp: [tile - 1, 0, 0],
    PageDown: [tile + 1, 0, 0],
  };
  const move = moves[key];
  return move && (to(...move) ?? String(at.token));
}

const highest = 420;

function drawImage(
  section: ImageSection,
  number: PatchNumber | undefined,
  patches: readonly Patch[],
  byToken: ReadonlyMap<string, Patch>,
  loaded: LoadedPicture | undefined,
  width: number,
  theme: Theme,
): Drawn {
  const { image } = section;
  const sheets = image.tiles.length > 1 ? 2 : 1;
  const beside = sheets === 2 && width >= 480;
  const room = beside ? (width - 12) / 2 : width;
  const [across, down] = [Math.max(1, image.width), Math.max(1, image.height)];
  const scale = Math.min(room / across, highest / down, 4);
  const [sheetWidth, sheetHeight] = [across * scale, down * scale];
  const titled = sheets === 2 ? 18 : 0;
  const origin = (tile: number): { readonly x: number; readonly y: number } => {
    const second = tile > 0;
    return {
      x: second && beside ? sheetWidth + 12 : 0,
      y: titled + (second && !beside ? sheetHeight + 12 + titled : 0),
    };
  };
  const domain = domainOf(number?.scale ?? { kind: 'sequential' }, number?.values ?? []);
  const marks: Mark[] = [];
  for (let sheet = 0; sheet < sheets; sheet += 1) {
    const { x, y } = origin(sheet);
    if (sheets === 2) marks.push(textMark(sheet === 0 ? 'Whole picture' : 'Tiles', x, y - 5, theme));
    const place = { x, y, width: sheetWidth, height: sheetHeight };
    if (loaded) marks.push({ kind: 'picture', ...place, picture: loaded });
    else marks.push({ kind: 'rect', ...place, stroke: theme.line, lineWidth: 1 });
  }
  let missing = false;
  const boxOf = (patch: Patch): Box | undefined => {
    const tile = image.tiles[patch.tile];
    if (!tile) return undefined;
    const part = partOf(tile, patch);
    const { x, y } = origin(patch.tile);
    return { x: x + part.x * scale, y: y + part.y * scale, width: part.width * scale, height: part.height * scale };
  };
  const identities = identitiesOf(section);
  const frames: Mark[] = [];
  for (const patch of patches) {
    const box = boxOf(patch);
    const identity = identities[section.classes?.of[patch.token] ?? -1];
    if (box && identity) frames.push(...classMarks(box, identity, theme));
    const colour = colourAt(number?.values[patch.token] ?? Number.NaN, domain, theme.dark);
    missing ||= colour === undefined;
    if (box && colour) marks.push({ kind: 'rect', ...box, fill: css(colour), opacity: loaded ? 0.6 : 1 });
  }
  for (const [at, { name, tokens }] of (section.outlined ?? []).entries()) {
    const boxes = tokens.flatMap((token) => {
      const patch = byToken.get(String(token));
      return (patch && boxOf(patch)) ?? [];
    });
    marks.push(...outlineMarks(boxes, name, at, theme));
  }
  const legend = flow(
    [
      ...(number ? [scaleItem(domain, number.unit, theme)] : []),
      ...(missing ? [noValueItem(theme)] : []),
      ...identities.map((one) =>
        classItem({ shape: 'square', colour: colourOf(one, theme.dark), label: `${one.code}: ${one.title}` }, theme),
      ),
      wordsItem(
        loaded ? shortened(image.name, 60) : `${shortened(image.name, 60)} is not shown: its file was not read.`,
        theme,
      ),
    ],
    width,
  );
  const bottom = titled + sheetHeight + (sheets === 2 && !beside ? sheetHeight + 12 + titled : 0) + 8;
  return {
    width,
    height: bottom + legend.height,
    marks: [...marks, ...frames, ...legend.marks.map((mark) => moved(mark, 0, bottom))],
    hit: (x, y) => {
      const found = patches.find((patch) => {
        const box = boxOf(patch);
        return box && x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height;
      });
      return found && String(found.token);
    },
    box: (cursor) => {
      const patch = byToken.get(cursor);
      return patch && boxOf(patch);
    },
  };
}
