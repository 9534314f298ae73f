import { css } from 'lit';

export const chartStyles = css`
  hs-chart-card {
    display: block;
    min-width: 0;
  }
  .chart-card figcaption {
    display: flex;
    align-items: center;
    justify-content: space-between;
    height: 26px;
  }
  .chart-card figcaption .toolbar {
    opacity: 0.65;
  }
  .chart-card:hover figcaption .toolbar,
  .chart-card:focus-within figcaption .toolbar {
    opacity: 1;
  }
  .chart-area {
    position: relative;
    height: var(--chart-height, 260px);
  }
  .plot {
    position: absolute;
    inset: 0;
  }
  .chart-area > .table-frame {
    height: 100%;
  }
  .chart-empty {
    position: absolute;
    inset: 0;
    display: flex;
    align-items: center;
    justify-content: center;
    padding: 16px;
    color: var(--vscode-descriptionForeground);
    text-align: center;
    border: 1px dashed var(--line);
    border-radius: 3px;
  }
  .readout {
    height: 20px;
    overflow: hidden;
    color: var(--vscode-descriptionForeground);
    font-size: var(--small);
    line-height: 20px;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .readout .codicon[class*='codicon-'] {
    font-size: 12px;
    line-height: 20px;
  }
  .chart-hover-head {
    margin-bottom: 2px;
    font-weight: 600;
  }
  .chart-hover-rows {
    display: grid;
    grid-template-columns: auto auto auto;
    gap: 0 6px;
    align-items: center;
    line-height: 1.5;
  }
  .chart-hover-value {
    padding-left: 8px;
    text-align: right;
    font-variant-numeric: tabular-nums;
  }
  .grid-key {
    display: grid;
    gap: 4px;
    justify-items: start;
  }
`;
