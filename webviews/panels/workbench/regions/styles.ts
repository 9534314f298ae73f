import { css, unsafeCSS } from 'lit';

/** The colour of each region; the element sets them by the theme. */
const colours = unsafeCSS(
  Array.from({ length: 8 }, (_, at) => `.region-${at} { --region: var(--region-${at}); }`).join(' '),
);

export const regionsStyles = css`
  ${colours}
  hs-regions {
    display: block;
    min-width: 0;
  }
  hs-regions.old {
    opacity: 0.6;
    pointer-events: none;
  }
  hs-span {
    display: block;
    min-width: 0;
    margin-bottom: 4px;
  }
  hs-span.old {
    opacity: 0.6;
    pointer-events: none;
  }
  .span-list {
    user-select: none;
  }
  .token.taken {
    color: var(--vscode-editor-selectionForeground, inherit);
    background: var(--vscode-editor-selectionBackground);
    outline: 1px solid var(--vscode-focusBorder);
  }
  .token-pager {
    display: flex;
    align-items: center;
    gap: 4px;
    font-size: var(--small);
  }
  .regions-control {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 8px;
    margin-bottom: 8px;
  }
  .regions-tools {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 4px;
  }
  .regions-picture {
    display: block;
    max-width: 100%;
    cursor: crosshair;
    touch-action: none;
    user-select: none;
  }
  .region-no-picture {
    fill: var(--vscode-input-background, transparent);
  }
  .region-grid {
    fill: none;
    stroke: #fff;
    stroke-width: 0.5;
    opacity: 0.55;
    pointer-events: none;
  }
  .region-grid.under {
    stroke: #000;
    stroke-width: 1.25;
    opacity: 0.35;
  }
  .region-box {
    cursor: move;
    outline: none;
  }
  .region-edge {
    fill: none;
    stroke: var(--vscode-editor-background);
    stroke-width: 4.5;
  }
  .region-shape {
    fill: var(--region);
    fill-opacity: 0.22;
    stroke: var(--region);
    stroke-width: 2;
  }
  .region-box:focus-visible .region-edge,
  .region-box:focus .region-edge {
    stroke: var(--vscode-focusBorder);
    stroke-width: 7;
  }
  .region-corner {
    fill: var(--region);
    stroke: var(--vscode-editor-background);
    stroke-width: 1;
    cursor: nwse-resize;
  }
  .region-letter {
    fill: var(--vscode-foreground);
    stroke: var(--vscode-editor-background);
    stroke-width: 3;
    paint-order: stroke;
    font-weight: 700;
    font-size: 12px;
    pointer-events: none;
  }
  .region-tokens {
    user-select: none;
    touch-action: none;
  }
  .region-tokens .token[class*='region-'] {
    border-bottom-color: var(--region);
    background: color-mix(in srgb, var(--region) 26%, transparent);
  }
  .region-tokens .token[data-letter]::before {
    content: attr(data-letter);
    margin-right: 3px;
    font-weight: 700;
    font-family: var(--vscode-font-family);
  }
  .region-tokens .token.marked {
    outline: 1px dashed var(--vscode-foreground);
  }
  .region-tokens:focus .token.cursor {
    outline: 2px solid var(--vscode-focusBorder);
  }
`;
