// Images as buttons, cut out of one sheet; a click says which.
export default function ({data, parentElement, setTriggerValue}) {
  const root = parentElement.querySelector(".gallery"), [width, height] = data.size, zoom = Math.max(1, Math.round(56 / Math.max(width, height)));
  root.replaceChildren(...data.indices.map((index, at) => {
    const button = document.createElement("button"), tile = document.createElement("span");
    tile.style.cssText = `width:${width * zoom}px;height:${height * zoom}px;background-image:url("${data.sheet}");`
      + `background-size:${width * zoom * data.columns}px auto;`
      + `background-position:${-(at % data.columns) * width * zoom}px ${-Math.floor(at / data.columns) * height * zoom}px`;
    button.append(tile, data.captions[at]);
    button.setAttribute("aria-label", `image ${index}, ${data.captions[at]}`);
    button.dataset.index = index;
    button.onclick = () => setTriggerValue("clicked", index);
    return button;
  }));
}
