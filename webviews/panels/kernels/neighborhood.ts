/** The simulator of generalized neighborhood attention: a shape, tiles and a configuration give the bound of the speed-up. */
import { html, nothing, svg, type TemplateResult } from 'lit';
import type {
  NeighborhoodAxis,
  NeighborhoodBound,
  NeighborhoodRequest,
  NeighborhoodTile,
} from '../../../protocol/compute/neighborhood';
import { checkbox, dropdown, field, textField } from '../../ui/controls';
import { count, significant } from '../../ui/numbers';
import type { Part } from './actions';
import { fields, readNeighborhood, typedNeighborhood, type NeighborhoodForm } from './neighborhood-form';
import { strideBars } from './neighborhood-strides';

export function neighborhoodSimulator({ state, actions }: Part): TemplateResult {
  const form = typedNeighborhood(state.view.neighborhood);
  const reading = readNeighborhood(form);
  const problems = reading.ok ? {} : reading.problems;
  const edit = (change: Partial<NeighborhoodForm>) => actions.view({ neighborhood: { ...form, ...change } });
  const answer = state.neighborhood;
  return html`<section class="simulator" aria-label="Bound of the speed-up">
    <h3>How much faster can tiles make it?</h3>
    <p class="muted">
      Upper bound of the speed-up over full attention when both work in tiles: key tiles of full attention over those
      that the worst query tile visits (arXiv:2504.16922, section 3.3).
    </p>
    <div class="card-body">
      <div class="fields">
        ${fields.map(([name, title, hint]) =>
          field(
            title,
            textField({
              label: `Simulator: ${title}`,
              value: form[name],
              problem: problems[name],
              hint,
              onInput: (text) => edit({ [name]: text }),
            }),
            hint,
          ),
        )}
        ${field(
          'Key tiles',
          dropdown({
            label: 'Key tiles',
            choices: [
              { value: 'static', label: 'Fixed grid' },
              { value: 'dynamic', label: 'From the window' },
              { value: 'flattened', label: 'Flattened map' },
            ],
            value: form.tiling,
            onChange: (tiling) => edit({ tiling: tiling === 'dynamic' || tiling === 'flattened' ? tiling : 'static' }),
          }),
          'Key tiles lie on a fixed grid, begin at the first key that a query tile reads, or cut the flattened positions.',
        )}
        ${field('Causal', causalBoxes(form, edit), 'Along these axes keys after the query are hidden.')}
        ${field(
          'Attention share',
          textField({
            label: 'Simulator: Attention share',
            value: form.share,
            numeric: true,
            problem: problems.share,
            hint: 'Share of a whole step that attention takes, from 0 to 1.',
            onInput: (share) => edit({ share }),
          }),
          'Share of a whole step that attention takes, from 0 to 1.',
        )}
        ${field(
          'Sparse steps',
          textField({
            label: 'Simulator: Sparse steps',
            value: form.steps,
            numeric: true,
            problem: problems.steps,
            hint: 'Share of the steps whose attention is sparse, from 0 to 1.',
            onInput: (steps) => edit({ steps }),
          }),
          'Share of the steps whose attention is sparse, from 0 to 1.',
        )}
      </div>
      ${
        answer?.problem
          ? html`<div class="chart-empty">${answer.problem}</div>`
          : answer?.bound
            ? result(answer.request, answer.bound, form, edit)
            : nothing
      }
    </div>
  </section>`;
}

/** A box for each axis of the feature map. */
function causalBoxes(form: NeighborhoodForm, edit: (change: Partial<NeighborhoodForm>) => void): TemplateResult {
  const names = ['depth', 'rows', 'columns'].slice(-form.size.split(/[x×,\s]+/i).filter(Boolean).length);
  return html`<div class="causal-axes">
    ${names.map((name, axis) =>
      checkbox({
        label: name,
        name: `Simulator: Causal, ${name}`,
        checked: form.causal[axis] ?? false,
        onChange: (checked) =>
          edit({ causal: names.map((_, at) => (at === axis ? checked : (form.causal[at] ?? false))) }),
      }),
    )}
  </div>`;
}

function result(
  request: NeighborhoodRequest,
  bound: NeighborhoodBound,
  form: NeighborhoodForm,
  edit: (change: Partial<NeighborhoodForm>) => void,
): TemplateResult {
  const total = bound.tiles.reduce((product, tiles) => product * tiles.length, 1);
  const index = Math.min(total - 1, Math.round(form.at * (total - 1)));
  const chosen = tileAt(bound.tiles, index);
  const visits = chosen.reduce((product, { tiles }) => product * tiles, 1);
  const times = (value: number) => `${significant(value)}x`;
  const rows: readonly (readonly [string, string, string])[] = [
    [
      'Bound',
      times(bound.bound),
      `${count(bound.allTiles)} key tiles over the ${count(bound.worstTiles)} of the worst`,
    ],
    ['Mean tile', times(bound.meanBound), `${significant(bound.meanTiles)} key tiles on average`],
    ['Skipped work alone', times(bound.flopBound), 'all keys over the keys of a window'],
    [
      'Whole step',
      times(bound.endToEnd),
      `with attention at ${significant(100 * request.attentionShare)} % of it${request.sparseSteps === 1 ? '' : `, sparse in ${significant(100 * request.sparseSteps)} % of the steps`}`,
    ],
  ];
  return html`<div class="simulator-result">
    <table>
      <tbody>
        ${rows.map(
          ([name, value, how]) =>
            html`<tr>
              <th scope="row">${name}</th>
              <td class="bound">${value}</td>
              <td class="muted">${how}</td>
            </tr>`,
        )}
      </tbody>
    </table>
    ${sparsity(bound)} ${strideBars(bound, request, (strides) => edit({ stride: strides.join(' x ') }))}
    ${
      chosen.length === 0
        ? nothing
        : html`${visitedPicture(request.axes, chosen)}
            <label class="tile-slider"
              ><span>Query tile ${count(index + 1)} of ${count(total)}: ${count(visits)} key tiles</span>
              <input
                type="range"
                min="0"
                max=${total - 1}
                .value=${String(index)}
                ?disabled=${total === 1}
                aria-label="Query tile"
                @input=${(event: Event) =>
                  edit({ at: total === 1 ? 0 : Number((event.target as HTMLInputElement).value) / (total - 1) })}
            /></label>`
    }
  </div>`;
}

/** Whether products are computed in vain, and from which stride on they are not. */
function sparsity({
  blockSparse,
  passesTest,
  smallestBlockSparse,
}: NeighborhoodBound): TemplateResult | typeof nothing {
  if (blockSparse === undefined) return nothing;
  const whole = smallestBlockSparse?.filter((stride) => stride !== null) ?? [];
  const smallest =
    whole.length === smallestBlockSparse?.length
      ? `Smallest block-sparse stride: ${whole.map(count).join(' x ')}.`
      : 'With these tiles no stride is block sparse along every axis.';
  return html`<p class="muted block-sparsity">
    ${
      blockSparse
        ? html`<span class="tag">block sparse</span> Every pair of tiles is read whole or not at all: no product is
            computed in
            vain${passesTest ? '' : ' (the released code’s test, which is sufficient only, does not see it)'}.`
        : 'Some pairs of tiles are read in part: the rest of their products is masked.'
    }
    ${smallest}
  </p>`;
}

/** The query tile of every axis, the last axis fastest. */
function tileAt(tiles: NeighborhoodBound['tiles'], index: number): readonly NeighborhoodTile[] {
  let rest = index;
  return tiles
    .map((list) => list.length)
    .map((_, at, lengths) => {
      const below = lengths.slice(at + 1).reduce((product, length) => product * length, 1);
      const here = Math.floor(rest / below);
      rest -= here * below;
      return tiles[at]?.[here];
    })
    .filter((tile) => tile !== undefined);
}

/** The last two axes as a map, a third as a strip beside it: key tiles visited filled, the query tile outlined. */
function visitedPicture(axes: readonly NeighborhoodAxis[], chosen: readonly NeighborhoodTile[]): TemplateResult {
  const last = axes.length - 1;
  const across = { axis: axes[last], tile: chosen[last] };
  const down = axes.length > 1 ? { axis: axes[last - 1], tile: chosen[last - 1] } : undefined;
  const deep = axes.length > 2 ? { axis: axes[0], tile: chosen[0] } : undefined;
  if (!across.axis || !across.tile) return html``;
  const width = groupSize(across.axis);
  const height = down?.axis ? groupSize(down.axis) : Math.max(1, width / 12);
  const rows = down?.tile ?? { queries: [0, height], keys: [0, height] };
  const gap = Math.max(width, height) / 16;
  const strip = deep?.axis && deep.tile ? { size: groupSize(deep.axis), tile: deep.tile, axis: deep.axis } : undefined;
  const whole = width + (strip ? gap * 2.4 : 0);
  return html`<svg
      class="visited"
      viewBox="0 0 ${whole} ${height}"
      role="img"
      aria-label=${`Key tiles that the query tile visits: ${chosen
        .map(({ keys }) => `${count(keys[0])} to ${count(keys[1] - 1)}`)
        .join(' by ')} along the axes`}
    >
      ${gridLines(across.axis, width, height, true)}
      ${down?.axis ? gridLines(down.axis, height, width, false) : nothing} ${box('keys', across.tile.keys, rows.keys)}
      ${box('queries', across.tile.queries, rows.queries)}
      <rect class="frame" x="0" y="0" width=${width} height=${height} />
      ${
        strip
          ? svg`<g transform="translate(${width + gap * 1.2}, 0) scale(${gap * 1.2}, ${height / strip.size})">
            <rect class="keys" x="0" y=${strip.tile.keys[0]} width="1" height=${strip.tile.keys[1] - strip.tile.keys[0]} />
            <rect class="queries" x="0" y=${strip.tile.queries[0]} width="1" height=${strip.tile.queries[1] - strip.tile.queries[0]} />
            <rect class="frame" x="0" y="0" width="1" height=${strip.size} />
          </g>`
          : nothing
      }
    </svg>
    <p class="pattern-legend muted">
      <span><i class="swatch read"></i>key tiles visited</span><span><i class="swatch outlined"></i>query tile</span>
      <span>lines: key tiles${strip ? '; strip on the right: the outermost axis' : ''}</span>
    </p>`;
}

/** Positions of the longest dilation group: what is drawn is one group. */
const groupSize = ({ size, dilation }: NeighborhoodAxis): number => Math.ceil(size / dilation);

const box = (name: string, [left, right]: readonly [number, number], [top, bottom]: readonly [number, number]) =>
  svg`<rect class=${name} x=${left} y=${top} width=${right - left} height=${bottom - top} />`;

function gridLines({ keyTile }: NeighborhoodAxis, length: number, breadth: number, upright: boolean): TemplateResult[] {
  const lines: TemplateResult[] = [];
  // Lines closer than a hundredth of the picture would be a grey ground.
  if (length / keyTile > 100) return lines;
  for (let at = keyTile; at < length; at += keyTile) {
    lines.push(
      upright
        ? svg`<line x1=${at} x2=${at} y1="0" y2=${breadth} />`
        : svg`<line y1=${at} y2=${at} x1="0" x2=${breadth} />`,
    );
  }
  return lines;
}
