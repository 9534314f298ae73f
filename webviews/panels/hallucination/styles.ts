import { css } from 'lit';

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
  .caption-cards > * {
    min-width: 0;
  }
  .captions > .result-section {
    margin-top: 12px;
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
