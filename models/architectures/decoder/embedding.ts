/** The embedding of a row: tokens, positions and types, and what is made of their sum. */
import { hasTable, nameIn, type DecoderLayout } from '../../formats/families/shared/decoder-layout';
import { sizeOf } from '../../formats/families/shared/family';
import type { Names } from '../architecture';
import type { BesideRow, BesideTable } from '../../formats/families/shared/beside-row';
import { widthOf } from '../../formats/families/shared/beside-row';
import type { BesideText } from '../beside-spec';
import { ModelError, type EmbeddingSpec } from '../model-spec';
import { normOf, type Stack } from './stack';

/** `tokens` is the name of the table of words. */
export function embeddingOf(
  stack: Stack,
  names: Names,
  tokens: string,
  vocabulary: number,
  width: number,
): EmbeddingSpec {
  const { part, layout, computes } = stack;
  const scale = computes.embeddingScale?.(part);
  const waves = computes.waves?.(part);
  const length = part.contextLength ?? 0;
  const positions = hasTable(layout, part) ? layout.positions : undefined;
  const stored = positions && (!waves || names.has(`${positions.name}.weight`)) ? positions : undefined;
  const added = stored && tableOf(stack, names, stored, length);
  const types = (layout.types ?? []).flatMap((one) => {
    const rows = one.rows(part);
    const table = { weight: names.name(`${one.name}.weight`), rows };
    return rows > 0 ? Array.from({ length: one.times ?? 1 }, () => table) : [];
  });
  const beside = layout.beside?.(part);
  const widened = layout.widenedEmbedding;
  const embeddingNorm = nameIn(layout.embeddingNorm, part);
  return {
    tokens,
    vocabulary,
    width,
    ...(scale === undefined || scale === 1 ? {} : { scale }),
    ...maskedOf(stack),
    ...(added ? { positions: added } : {}),
    ...(waves && !added ? { positions: { waves, rows: length } } : {}),
    ...(types.length === 0 ? {} : { types }),
    ...(beside ? { beside: besideOf(names, beside, part.hiddenSize) } : {}),
    ...(embeddingNorm === undefined && !computes.plainEmbeddingNorm
      ? {}
      : { norm: normOf(stack, names, embeddingNorm, widened && !widened.normBehind ? width : part.hiddenSize) }),
    ...(computes.wordNorm ? { wordNorm: true } : {}),
    ...(layout.narrowEmbedding && width !== part.hiddenSize
      ? { project: names.linear(layout.narrowEmbedding.projections[0], width, part.hiddenSize) }
      : {}),
    ...(layout.neighbours
      ? { neighbours: true, project: names.linear(layout.neighbours.projection, 3 * width, part.hiddenSize) }
      : {}),
    ...(widened && (widened.always || width !== part.hiddenSize)
      ? { widen: names.linear(widened.projection, width, part.hiddenSize) }
      : {}),
  };
}

function besideOf(names: Names, row: BesideRow, hidden: number): BesideText {
  const table = ({ name, ...rest }: BesideTable) => {
    const weight = names.name(`${name}.weight`);
    if (rest.row < 0 || rest.row >= rest.rows)
      throw new ModelError(
        `A text reads row ${rest.row} of ${weight}, but the config gives it ${rest.rows} rows. Correct the config.`,
      );
    return { weight, ...rest };
  };
  switch (row.kind) {
    case 'added':
      if (widthOf(row.tables) !== hidden)
        throw new ModelError(
          `Tables of ${widthOf(row.tables)} numbers in all are added to words of ${hidden}. Correct the config.`,
        );
      return { kind: 'added', tables: row.tables.map(table) };
    case 'network': {
      const width = widthOf(row.pairs.map(([one]) => one));
      return {
        kind: 'network',
        pairs: row.pairs.map(([one, other]) => [table(one), table(other)]),
        up: names.linear(row.up, width, row.inner),
        down: names.linear(row.down, row.inner, hidden),
      };
    }
    case 'mapped':
      return {
        kind: 'mapped',
        tables: row.tables.map(table),
        map: names.linear(row.map, hidden + widthOf(row.tables), hidden),
      };
  }
}

function maskedOf({ part, computes }: Stack): Pick<EmbeddingSpec, 'masked'> {
  const masked = computes.maskedShare?.(part);
  if (!masked) return {};
  const { token, share } = masked;
  if (token === undefined)
    throw new ModelError('The config has token_dropout and names no mask_token_id, whose rows it would leave out.');
  return { masked: { token, share } };
}

function tableOf(
  { part }: Stack,
  names: Names,
  { name, offset = 0, behindPadding }: NonNullable<DecoderLayout['positions']>,
  length: number,
): NonNullable<EmbeddingSpec['positions']> {
  const weight = names.name(`${name}.weight`);
  if (!behindPadding) return { weight, rows: length + offset, offset };
  const padding = sizeOf(part, 'pad_token_id');
  if (padding === undefined)
    throw new ModelError('The config names no pad_token_id, behind which the positions of this family begin.');
  return { weight, rows: length, offset: padding + 1, ...(behindPadding === 'counted' ? {} : { padding }) };
}
