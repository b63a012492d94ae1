// Shows the digit chosen in one line, and tells the map where to put its ring, by a small message
// of its own: the map's data stay where they are.
export default function ({data, parentElement}) {
  const root = parentElement.querySelector(".mark"), image = root.querySelector("img");
  image.hidden = !data.image;
  if (data.image) image.src = data.image;
  root.querySelector("span").textContent = data.text;
  root.dataset.index = data.index;
  window.explorerMark = {index: data.index, place: data.place, selected: data.selected};
  window.dispatchEvent(new Event("explorer-mark"));
}
