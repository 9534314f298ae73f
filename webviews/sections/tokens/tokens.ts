import type { TokensSection } from '../../../protocol/sections/tokens';
import { significant } from '../../ui/numbers';
import { shownToken } from '../../../protocol/wire/token-name';
import { remembered } from '../remembered';
import { chosenNumber, twinColumn, type PictureKind, type TwinRow } from '../section-kind';
import { tokensPicture, windowOf } from './tokens-picture';

const picture = remembered(tokensPicture);

export const tokensKind: PictureKind<TokensSection> = {
  drawn: 'picture',
  numbers: ({ numbers }) => numbers,
  isEmpty: ({ tokens }) => tokens.length === 0,
  picture: (section, view) => {
    const window = windowOf(section.tokens.length, Number(view.cursor ?? 0));
    return picture(section, chosenNumber(section.numbers, view), ...window);
  },
  place: ({ tokens }, cursor) =>
    tokens[Number(cursor)] === undefined ? undefined : { kind: 'token', token: Number(cursor) },
  cursorOf: ([position]) => String(position),
  twin: ({ tokens, numbers, classes }) => ({
    columns: [
      twinColumn(0, 'position', 'Position', { text: String }),
      twinColumn(1, 'token', 'Token'),
      ...numbers.map(({ name, title, unit, definition }, at) =>
        twinColumn(2 + at, name, title, { unit, hint: definition, text: (value) => significant(value) }),
      ),
      ...(classes ? [twinColumn(2 + numbers.length, 'class', 'Class')] : []),
    ],
    rows: tokens.map((token, at): TwinRow => [
      at,
      shownToken(token),
      ...numbers.map(({ values }) => values[at]),
      classes?.names[classes.of[at] ?? -1] ?? '',
    ]),
  }),
};
