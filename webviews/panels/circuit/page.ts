/** The arrangement of the editor: the finding, the bar, the picture with what is chosen beside it, then tables. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Circuit } from '../../../protocol/circuits/circuit-file';
import type { Placed } from '../../../protocol/circuits/edit';
import { css, diverging } from '../../charts/colour-map';
import { remembered } from '../../sections/remembered';
import { unaskedSections } from '../../sections/unasked-sections';
import { valueWords } from '../../sections/words';
import { button, checkbox } from '../../ui/controls';
import '../../ui/menu';
import { count } from '../../ui/numbers';
import { banner } from '../../ui/run-status';
import { slider } from '../../ui/text-area';
import { editedPage, whyNot } from '../file-page';
import './circuit-map';
import type { MapAct } from './circuit-map';
import { details } from './details';
import type { CircuitPage } from './part';
import { circuitSections } from './sections';
import { drawnOf, mostEdges, thresholdOf, visibleOf, type Drawn } from './state';
import { comparisonWords, counted, finding, kindWords, newsWords, nodeWords } from './words';

export function circuitPage(page: CircuitPage): TemplateResult {
  const { state, dark, compact, actions } = page;
  const drawn = drawnOf(state);
  return editedPage({
    opened: state.opened,
    compact,
    post: (message) => actions.post(message),
    what: 'circuit',
    parts: (circuit: Circuit) => ({
      finding: finding(circuit),
      circumstances: html`${circuit.origin.model.name}: ${circuit.origin.finding}`,
      runs: runs(page),
      leaves: html`<hs-menu
        .label=${'Export the picture'}
        .icon=${'export'}
        .items=${[
          { label: 'Save as PNG', icon: 'file-media', run: () => actions.savePicture('png') },
          { label: 'Save as SVG', icon: 'file-media', run: () => actions.savePicture('svg') },
        ]}
      ></hs-menu>`,
      banners: news(page, circuit),
      comparison: drawn ? comparisonWords(drawn) : '',
      body: drawn
        ? html`<div class="circuit-body">
              <section class="circuit-picture" aria-label="Picture">${picture(page, circuit, drawn)}</section>
              ${details(page, circuit, drawn)}
            </div>
            <div class="circuit-sections file-sections">
              ${unaskedSections({ sections: sectionsOf(circuit, drawn), result: 'circuit', dark, compact, views: state.views, actions })}
            </div>`
        : nothing,
    }),
  });
}

const sectionsOf = remembered(circuitSections);

const runs = ({ state: { opened }, actions }: CircuitPage): TemplateResult =>
  html`${button({
    label: 'Run Again',
    icon: 'play',
    disabled: opened?.canRun !== true,
    hint:
      whyNot(opened) ??
      'Runs the request that made it in the workbench, and brings the new weights in; your work stays',
    onClick: () => actions.post({ kind: 'runAgain' }),
  })}
  ${button({
    label: 'Update from a Result',
    icon: 'refresh',
    hint: 'Brings in the weights of a saved run; positions, groups, names, notes and pins stay',
    onClick: () => actions.post({ kind: 'update' }),
  })}`;

function news({ actions }: CircuitPage, circuit: Circuit): TemplateResult | typeof nothing {
  const words = newsWords(circuit);
  return words === undefined
    ? nothing
    : banner(
        'info',
        html`${words} What was not found is grey and dotted, with the weight that it last had.
          <button type="button" class="link" id="settle" @click=${() => actions.post({ kind: 'settle' })}>
            Remove what was not found, and clear the marks
          </button>`,
      );
}

const steps = 100;

function picture(page: CircuitPage, circuit: Circuit, drawn: Drawn): TemplateResult {
  const { state, actions } = page;
  const threshold = thresholdOf(state, drawn);
  const visible = visibleOf(drawn, threshold, state.onlyPinned);
  const strongest = drawn.strongest || 1;
  const words = `${count(visible.strong)} of ${counted(drawn.edges.length, 'edge')}, from ${valueWords(threshold, circuit.unit)} on`;
  return html`<div class="circuit-tools">
      <div class="circuit-threshold">
        <span>Edges</span>
        ${slider({
          label: 'Weakest edge that is drawn',
          value: Math.round(steps * Math.sqrt(Math.max(0, Math.min(1, threshold / strongest)))),
          min: 0,
          max: steps,
          step: 1,
          valueText: words,
          hint: 'Edges that are at least this strong, negative ones too. The slider is finer at its weak end.',
          onInput: (value) => actions.arrange({ threshold: strongest * (value / steps) ** 2 }),
        })}
        <output>${words}</output>
      </div>
      ${checkbox({
        label: 'Pinned only',
        checked: state.onlyPinned,
        hint: 'Edges of pinned nodes alone',
        onChange: (onlyPinned) => actions.arrange({ onlyPinned }),
      })}
      <div class="toolbar" role="group" aria-label="Size of the picture">
        ${button({ label: 'Zoom out', icon: 'zoom-out', appearance: 'icon', hint: 'Zoom out (-)', onClick: () => actions.zoom(0.8) })}
        ${button({ label: 'Zoom in', icon: 'zoom-in', appearance: 'icon', hint: 'Zoom in (+)', onClick: () => actions.zoom(1.25) })}
        ${button({ label: 'Fit', icon: 'screen-full', appearance: 'icon', hint: 'Fit everything (F)', onClick: () => actions.fit() })}
      </div>
    </div>
    <hs-circuit-map
      .drawn=${drawn}
      .visible=${visible}
      .selection=${state.selection}
      .words=${(id: string) => nodeWords(drawn, circuit.unit, id)}
      @choose=${({ detail }: CustomEvent<readonly string[]>) => actions.choose(detail)}
      @place=${({ detail }: CustomEvent<readonly Placed[]>) => actions.place(detail)}
      @act=${({ detail }: CustomEvent<MapAct>) => actions.act(detail)}
    ></hs-circuit-map>
    ${legend(circuit, drawn, visible.strong - visible.edges.length, page.dark)}`;
}

const signs: Readonly<Record<string, string>> = {
  embedding: '▼',
  head: '●',
  mlp: '■',
  logits: '▲',
  feature: '◆',
  group: '▣',
};

const edgeSample = (sign: 1 | -1, dark: boolean): TemplateResult =>
  html`<svg width="26" height="6" aria-hidden="true">
    <path
      d="M0 3H26"
      stroke=${css(diverging(sign, dark))}
      stroke-width="3"
      stroke-dasharray=${sign < 0 ? '6 3' : nothing}
    ></path>
  </svg>`;

function legend({ unit }: Circuit, drawn: Drawn, undrawn: number, dark: boolean): TemplateResult {
  const kinds = [...new Set(drawn.nodes.map(({ kind }) => kind))];
  const compared = drawn.comparison !== undefined && drawn.comparison.unlike === undefined;
  const [plus, minus] = compared ? ['stronger here', 'weaker here'] : ['positive', 'negative'];
  const summed = drawn.edges.some((edge) => edge.summed);
  return html`<ul class="circuit-legend" aria-label="Legend">
      ${kinds.map((kind) => html`<li><span aria-hidden="true">${signs[kind]}</span> ${kindWords[kind]}</li>`)}
      <li>${edgeSample(1, dark)} ${plus}</li>
      <li>${edgeSample(-1, dark)} ${minus}</li>
      <li>width: up to ${valueWords(drawn.strongest, unit)}</li>
      ${undrawn > 0 ? html`<li>The strongest ${count(mostEdges)} are drawn.</li>` : nothing}
    </ul>
    ${
      summed
        ? html`<p class="reason">
            Edges of a closed group are sums over its members, with signs: opposite ones cancel. A sum is no measured
            effect of the
            group.${drawn.inside > 0 ? ` ${counted(drawn.inside, 'edge')} between members of one group ${drawn.inside === 1 ? 'is' : 'are'} not drawn.` : ''}
          </p>`
        : nothing
    }`;
}
