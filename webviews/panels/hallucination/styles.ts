import { css, unsafeCSS } from 'lit';
import { cividis, css as written, inkOn } from '../../charts/colour-map';
import { shades } from './ribbon-model';

/** The steps of the ribbon: cividis, with the ink that is read on each. */
const shadeRules = unsafeCSS(
  Array.from({ length: shades }, (_, at) => {
    const colour = cividis(at / (shades - 1));
    return `.tv-${at} { color: ${inkOn(colour)}; background: ${written(colour)}; }`;
  }).join('\n'),
);

export const panelStyles = css`
  .image-view,
  .right,
  .caption-view,
  .vhd-view,
  .captions {
    min-width: 0;
  }
  .right {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 16px;
  }
  .image-tools {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(180px, 100%), 1fr));
    gap: 4px 8px;
    margin: 4px 0 8px;
  }
  hs-vhd-grid {
    display: block;
    min-width: 0;
  }
  .readout {
    height: auto;
    min-height: 20px;
    white-space: normal;
    font-variant-numeric: tabular-nums;
  }
  .ribbon-readout,
  .vhd-view .readout {
    min-height: 40px;
  }
  .compact .ribbon-readout,
  .compact .vhd-view .readout {
    min-height: 60px;
  }

  .ribbon {
    font-family: var(--vscode-editor-font-family);
    font-size: var(--vscode-editor-font-size);
    line-height: 24px;
    overflow-wrap: anywhere;
  }
  .piece {
    white-space: pre-wrap;
    padding: 2px 0;
    cursor: pointer;
  }
  .piece.query,
  .piece:hover {
    outline: 2px solid var(--vscode-focusBorder);
    outline-offset: 0;
    position: relative;
    z-index: 1;
  }
  .piece:hover:not(.query) {
    outline-width: 1px;
  }
  ${shadeRules}
  .mention {
    border-bottom: 2px solid var(--verdict);
  }
  .mention.hallucinated,
  .verdict.hallucinated .mark {
    --verdict: var(--vscode-editorError-foreground, var(--vscode-errorForeground));
    border-bottom-style: double;
    border-bottom-width: 4px;
  }
  .mention.true,
  .verdict.true .mark {
    --verdict: var(--vscode-testing-iconPassed, var(--vscode-charts-green));
  }
  .mention.unjudged,
  .verdict.unjudged .mark {
    --verdict: var(--vscode-descriptionForeground);
    border-bottom-style: dotted;
  }
  .mark {
    padding: 0 2px;
    color: var(--verdict);
    font-family: var(--vscode-font-family);
    font-weight: 700;
  }
  .verdict .mark {
    border: none;
  }
  .ribbon-key {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 2px 16px;
    font-size: var(--small);
  }
  .verdicts {
    display: inline-flex;
    flex-wrap: wrap;
    gap: 2px 12px;
  }

  .captions {
    padding-top: 12px;
    border-top: 1px solid var(--line);
  }
  .compact .captions {
    padding-top: 0;
    border-top: none;
  }
  .compact .captions > .section-head {
    display: none;
  }
  .reinforcement {
    display: flex;
    flex-wrap: wrap;
    align-items: flex-start;
    gap: 8px 16px;
    margin: 4px 0 8px;
  }
  .alpha-line {
    display: grid;
    grid-template-columns: auto minmax(80px, 180px) 28px;
    gap: 8px;
    align-items: center;
    min-height: 26px;
  }
  .labelled {
    display: grid;
    grid-template-columns: auto minmax(0, 1fr);
    gap: 8px;
    align-items: center;
    min-height: 26px;
  }
  .reinforcement .labelled {
    grid-template-columns: auto 110px;
  }
  .buttons {
    display: flex;
    flex-wrap: wrap;
    gap: 4px;
  }
  .caption-cards {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 12px 24px;
    margin: 8px 0;
  }
  .caption-card {
    min-width: 0;
  }
  .caption-card h3 {
    margin-bottom: 2px;
  }
  .caption-card .reason {
    margin-top: 4px;
  }

  .chosen {
    display: flex;
    align-items: center;
    gap: 4px;
    min-height: 26px;
    min-width: 0;
  }
  .chosen > span:first-child {
    flex: 1;
    min-width: 0;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .gap {
    margin-top: 8px;
  }
  .span-list {
    user-select: none;
  }
  .token.taken {
    color: var(--vscode-editor-selectionForeground, inherit);
    background: var(--vscode-editor-selectionBackground);
    outline: 1px solid var(--vscode-focusBorder);
    text-decoration: line-through;
  }

  .token-pager {
    display: flex;
    align-items: center;
    gap: 4px;
    font-size: var(--small);
  }
  .span-map .token-list {
    max-height: 320px;
  }
  .span-map .token[class*='tv-'] {
    outline: none;
  }

  .set-sections {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 20px 24px;
    align-items: start;
  }
  .compact .image-view,
  .compact .caption-view,
  .compact .vhd-view {
    margin-bottom: 4px;
  }
  .wide .disclosure-body > .table-frame {
    max-height: 420px;
  }
  .compact .captions :is(th, td) {
    padding-inline: 4px;
  }
  .compact .captions tbody th {
    white-space: normal;
  }

  @container panel (min-width: 560px) {
    .wide .caption-cards {
      grid-template-columns: repeat(2, minmax(0, 1fr));
    }
  }
  @container panel (min-width: 760px) {
    .wide .pictures {
      grid-template-columns: minmax(0, 0.85fr) minmax(0, 1fr);
    }
    .wide .pictures.without-picture {
      grid-template-columns: minmax(0, 1fr);
    }
  }
`;
